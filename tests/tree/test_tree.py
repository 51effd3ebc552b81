# SPDX-License-Identifier: MIT
"""The source tree holds to its own rules: who includes whom, how long things are, how files open, what lies at the top."""

import re
import shutil
import subprocess

import pytest

import diagram
from layers import ROOT, Layers

LAYERS = Layers()
FOLDERS = ["schemas", "feed", "server", "tools", "bench", "tests"]
TOP = {*FOLDERS, "meson.build", "README.md", "LICENSE", ".clang-format", ".editorconfig", ".gitignore", ".ci"}
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
REASON = re.compile(r"/\*\s*long: \S.*?\*/", re.DOTALL)


def sources():
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.[ch]"))


def name(path):
    return str(path.relative_to(ROOT))


def includes(path):
    """(system?, the included file as a path from the root, or as written where it isn't ours)"""
    for bracket, target in INCLUDE.findall(path.read_text()):
        beside = path.parent / target
        if bracket == '"' and not (ROOT / target).exists() and beside.exists():
            target = name(beside)
        yield bracket == "<", target


def functions(text):
    """(name, number of lines from its first to its closing brace, the comment right above it): the style puts a function's braces
    in column one, and nothing else there but those of types and tables."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if line != "{":
            continue
        first = at
        while first > 0 and lines[first - 1] and not re.match(r"[}#/]| \*", lines[first - 1]):
            first -= 1
        signature = " ".join(lines[first:at])
        if ")" not in signature:
            continue
        end = lines.index("}", at) if "}" in lines[at:] else len(lines) - 1
        above = first
        while above > 0 and re.match(r"/\*| \*", lines[above - 1]):
            above -= 1
        comment = "\n".join(lines[above:first])
        found = re.search(r"(\w+)\s*\(", signature)
        yield found[1] if found else signature, end - first + 1, comment


def test_every_include_points_down_the_layers():
    wrong = []
    for path in sources():
        for system, target in includes(path):
            if not system and LAYERS.of(target) and not LAYERS.allows(name(path), target):
                wrong.append(f"{name(path)} includes {target}")
    assert not wrong, "\n".join(wrong)


def test_every_quoted_include_is_found():
    lost = [
        f"{name(path)} includes {target}"
        for path in sources()
        for system, target in includes(path)
        if not system and not (ROOT / target).exists()
    ]
    assert not lost, "\n".join(lost)


def test_third_party_headers_stay_where_they_belong():
    wrong = []
    for path in sources():
        if name(path).startswith("tests/"):
            continue
        for _, target in includes(path):
            for header, files in LAYERS.third_party.items():
                if target.startswith(header) and not any(name(path).startswith(file) for file in files):
                    wrong.append(f"{name(path)} includes {target}, which belongs in {' '.join(files)}")
    assert not wrong, "\n".join(wrong)


def test_the_check_itself_sees_a_wrong_edge():
    assert not LAYERS.allows("server/wire/ws.c", "server/fanout/frame.h")
    assert not LAYERS.allows("schemas/tick.h", "feed/ring.h")
    assert not LAYERS.allows("feed/feed.c", "server/config.h")
    assert LAYERS.allows("server/worker.c", "server/io/io.h")


def test_headers_compile_alone():
    compiler = shutil.which("gcc") or shutil.which("cc")
    command = [compiler, "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I.", "-x", "c"]
    broken = []
    for path in sources():
        if path.suffix == ".h":
            done = subprocess.run([*command, name(path)], cwd=ROOT, capture_output=True, text=True, timeout=60)
            if done.returncode:
                broken.append(done.stderr)
    assert not broken, "\n".join(broken)


def test_files_open_with_their_licence_and_their_purpose():
    """The purpose may stand in the header of the same name, where a .c file opens by including it; a unit test's
    is told by the names of its tests."""
    wrong = []
    for path in sources():
        opening = re.match(r'/\* SPDX-License-Identifier: MIT \*/\n(/\*|#include "(?:.*/)?(.*)\.h"\n)', path.read_text())
        if not opening or (opening[2] and opening[2] != path.stem and not name(path).startswith("tests/unit/")):
            wrong.append(name(path))
    assert not wrong, "\n".join(wrong)


def test_headers_guard_themselves():
    wrong = []
    for path in sources():
        if path.suffix == ".h":
            guard = re.search(r"^#ifndef (\w+_H)\n#define (\w+_H)$", path.read_text(), re.MULTILINE)
            if not guard or guard[1] != guard[2]:
                wrong.append(name(path))
    assert not wrong, "\n".join(wrong)


def test_files_stay_readable_or_say_why_not():
    long = []
    for path in sources():
        lines = path.read_text().splitlines()
        if len(lines) > FILE_LINES_MAX and not REASON.search("\n".join(lines[:30])):
            long.append(f"{name(path)}: {len(lines)} lines")
    assert not long, "\n".join(long)


def test_functions_fit_a_screen_or_say_why_not():
    long = []
    for path in sources():
        for function, lines, comment in functions(path.read_text()):
            if lines > FUNCTION_LINES_MAX and not REASON.search(comment):
                long.append(f"{name(path)}: {function}() has {lines} lines")
    assert not long, "\n".join(long)


def test_the_check_itself_measures_functions():
    text = "/* SPDX */\n\nstatic int a(int x,\n             int y)\n{\n    return x;\n}\n\n/* long: a table */\nvoid b(void)\n{\n}\n"
    assert list(functions(text)) == [("a", 5, ""), ("b", 3, "/* long: a table */")]


def test_tests_link_the_library_and_never_include_a_c_file():
    wrong = [f"{name(path)} includes {target}" for path in sources() for _, target in includes(path) if target.endswith(".c")]
    assert not wrong, "\n".join(wrong)


def test_only_the_agreed_entries_lie_at_the_top():
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {line.split("/")[0] for line in done.stdout.splitlines()} <= TOP


def test_the_code_is_formatted():
    formatter = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not formatter:
        pytest.skip("clang-format is not installed")
    done = subprocess.run(
        [formatter, "--dry-run", *map(name, sources())], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    where = sorted({line.split(": ")[0] for line in done.stderr.splitlines() if "clang-formatted" in line})
    assert done.returncode == 0 and not where, "\n".join(where)


def test_the_readme_shows_the_diagram_of_these_layers():
    readme = ROOT / "README.md"
    assert readme.exists()
    assert diagram.between(readme.read_text()) == diagram.draw(LAYERS), "run: python3 tests/tree/diagram.py --write"
