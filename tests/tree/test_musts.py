# SPDX-License-Identifier: MIT
"""What RFC 6455 and RFC 7692 require of a server is shown, each by a case of tests/spec or a test that is there; and every file of
tests/spec is run by each of its runners."""

import csv
import re
import sys

import pytest

from layers import ROOT

sys.path.insert(0, str(ROOT / "tests/spec"))
from transcript import FILES, read  # noqa: E402

TABLE = ROOT / "tests/spec/musts.tsv"
COLUMNS = ["id", "rfc", "section", "binds", "requirement", "shown by"]
RUNNERS = ["tests/unit/wire/meson.build", "tests/sim/meson.build"]


def rows():
    with TABLE.open(newline="") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


def cases():
    return {f"{path.name}: {case.name}" for path in FILES for case in read(path)}


def is_test(place):
    """file::test, in Python or in C; a C test is one that its file also runs."""
    file, _, name = place.partition("::")
    path = ROOT / file
    if not name or not path.is_file():
        return False
    text = path.read_text()
    if path.suffix == ".c":
        return bool(re.search(rf"^\s+cmocka_unit_test\({name}\)", text, re.MULTILINE))
    return bool(re.search(rf"^def {name}\(", text, re.MULTILINE)) and name.startswith("test_")


def test_every_requirement_is_shown_by_a_case_or_a_test_that_is_there():
    known = cases()
    missing = [
        f"{row['id']}: {place or 'nothing'}"
        for row in rows()
        for place in (row["shown by"] or "").split("; ")
        if place not in known and not is_test(place)
    ]
    assert not missing, "shown by what is not there:\n" + "\n".join(missing)


def test_every_row_is_whole_and_says_where_it_stands():
    wrong = []
    for row in rows():
        whole = list(row) == COLUMNS and all(row.values())
        if not whole or not re.fullmatch(rf"{row['rfc']}-{re.escape(row['section'])}-\d+", row["id"]):
            wrong.append(str(row))
        elif row["binds"] not in ("server", "both") or row["rfc"] not in ("6455", "7692"):
            wrong.append(str(row))
    assert not wrong, "\n".join(wrong)


def test_no_requirement_stands_twice():
    seen, twice = set(), []
    for row in rows():
        for key in (row["id"], (row["rfc"], row["section"], row["requirement"])):
            twice += [str(key)] if key in seen else []
            seen.add(key)
    assert not twice, "\n".join(twice)


def test_no_two_cases_of_a_file_have_one_name():
    for path in FILES:
        names = [case.name for case in read(path)]
        assert len(names) == len(set(names)), [name for name in names if names.count(name) > 1]
        assert not any("; " in name for name in names)


@pytest.mark.parametrize("runner", RUNNERS)
def test_every_file_of_transcripts_is_run(runner):
    text = (ROOT / runner).read_text()
    assert not [path.name for path in FILES if f"spec/{path.name}'" not in text]


@pytest.mark.parametrize(
    "place",
    [
        "rfc6455-5.2-framing.txt: no such case",
        "no-such.txt: RSV2 is an error",
        "tests/tree/test_musts.py::test_that_is_not_there",
        "tests/tree/test_musts.py::cases",
        "tests/unit/wire/test_ws.c::no_such_test",
        "",
    ],
)
def test_the_check_itself_sees_what_is_not_there(place):
    assert place not in cases() and not is_test(place)
