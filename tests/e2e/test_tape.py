# SPDX-License-Identifier: MIT
"""tapectl's commands on capture files: what they say is so, and what is damaged is told and costs no more."""

import calendar
import csv
import json
import os
import random
import re
import shutil
import subprocess
import time

import pytest

import tape
from server import ROOT, tapectl

TICKS = 30000


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A file of simulated ticks, three blocks and more."""
    path = tmp_path_factory.mktemp("tape") / "made.tape"
    done = tapectl("gen", "--tape", path, "--count", TICKS, "--symbols", 300)
    assert done.returncode == 0 and f"ticks={TICKS} " in done.stdout, done.stderr
    return path


@pytest.fixture
def changed(made, tmp_path):
    """changed(lambda bytes: …): a copy with other bytes."""

    def changed(how):
        data = bytearray(made.read_bytes())
        path = tmp_path / "changed.tape"
        path.write_bytes(how(data) or data)
        return path

    return changed


def flip(at):
    def how(data):
        data[at] ^= 0x10

    return how


def instant(ns):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9)) + f".{ns % 10**9:09}Z"


def test_five_lines_of_python_read_a_file_as_the_page_says(made, monkeypatch, capsys):
    page = (ROOT / "schemas/tape.md").read_text()
    lines = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    assert len([line for line in lines.splitlines() if line]) <= 5
    monkeypatch.chdir(made.parent)
    os.link(made, made.parent / "trades-000001.tape")
    exec(compile(lines, "tape.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == TICKS
    first = next(tape.ticks(made))
    assert printed[0] == f"{first['s']} {first['p']} {first['q']} {first['pos']}"


@pytest.mark.skipif(not shutil.which("zstd"), reason="zstd is not installed")
def test_stock_zstd_finds_the_file_good(made):
    done = subprocess.run(["zstd", "-t", made], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_verify_and_info_say_what_is_there(made):
    ticks = list(tape.ticks(made))
    done = tapectl("verify", made)
    assert done.returncode == 0 and f"good: ticks={TICKS} " in done.stdout and "index whole" in done.stdout
    info = tapectl("info", made).stdout
    first, last = instant(ticks[0]["r"]), instant(max(tick["r"] for tick in ticks))
    assert f"receive   {first} to {last}" in info
    assert re.search(rf"^symbols   {len({tick['s'] for tick in ticks})}$", info, re.MULTILINE)
    assert re.search(rf"BTC-USD +{sum(tick['s'] == 'BTC-USD' for tick in ticks)}$", info, re.MULTILINE)
    assert f"partition sim/0: {TICKS} ticks, offsets 0 to {TICKS - 1}, 0 gaps" in info
    worst = int(re.search(r"worst second +(\d+)", info)[1])
    assert max(sum(1 for t in ticks if 0 <= t["r"] - o["r"] < 998 * 10**6) for o in ticks[:: TICKS // 50]) <= worst
    quick = tapectl("info", "--quick", made).stdout
    assert f"receive   {first} to {last}" in quick and f"ticks     {TICKS}" in quick


def test_export_keeps_every_digit_as_csv_and_as_json_lines(made):
    ticks = list(tape.ticks(made))
    rows = list(csv.DictReader(tapectl("export", made).stdout.splitlines()))
    lines = [json.loads(line) for line in tapectl("export", "--format", "jsonl", made).stdout.splitlines()]
    assert len(rows) == len(lines) == TICKS
    for tick, row, line in zip(ticks, rows, lines):
        mantissa, exponent = tick["p"]
        assert row["p"] == line["p"] and int(row["p"].replace(".", "")) == mantissa
        assert len(row["p"].partition(".")[2]) == max(0, -exponent)
        assert (row["s"], int(row["t"]), int(row["receive_ns"]), row["side"]) == (tick["s"], tick["t"], tick["r"], tick["side"])
        assert [row["topic"], int(row["partition"]), int(row["offset"])] == tick["pos"] == line["pos"]
        assert line["r"] == tick["r"] and int(row["id"]) == tick["id"]


def test_cat_prints_an_excerpt_by_symbol_and_time_and_ends_with_its_reader(made):
    ticks = list(tape.ticks(made))
    since, until = ticks[9000]["t"], ticks[21000]["t"]
    expected = [tick for tick in ticks if tick["s"].startswith("BTC") and since <= tick["t"] < until]
    done = tapectl("cat", "--symbols", "BTC*", "--from", instant(since), "--to", instant(until), made)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == len(expected) > 0
    assert lines[0].split()[1:3] == [instant(expected[0]["t"]), expected[0]["s"]]
    assert lines[-1].endswith(f" {expected[-1]['id']} sim/0@{expected[-1]['pos'][2]}")


def test_cut_makes_a_file_of_a_part_and_merge_puts_parts_together_again(made, tmp_path):
    ticks = list(tape.ticks(made))
    middle = instant(ticks[TICKS // 2]["r"])
    parts = [tmp_path / "a.tape", tmp_path / "b.tape"]
    for path, bound in zip(parts, ("--to", "--from")):
        done = tapectl("cut", "--out", path, "--clock", "receive", bound, middle, made)
        assert done.returncode == 0, done.stderr
    merged = tmp_path / "merged.tape"
    assert tapectl("merge", "--out", merged, *reversed(parts)).returncode == 0
    assert list(tape.ticks(merged)) == ticks
    twice = tmp_path / "twice.tape"
    assert tapectl("merge", "--out", twice, made, parts[1]).returncode == 0
    assert sorted(tick["pos"][2] for tick in tape.ticks(twice)) == sorted(
        tick["pos"][2] for tick in [*ticks, *tape.ticks(parts[1])]
    )
    assert tapectl("verify", *parts, merged, twice).returncode == 0
    again = tapectl("cut", "--out", merged, made)
    assert again.returncode == 1 and "is there already" in again.stderr


def test_a_torn_file_gives_all_whole_blocks_and_says_what_is_missing(made, changed):
    blocks, _ = tape.blocks(made)
    at, header, length = blocks[2]
    path = changed(lambda data: data[: at + length - 1])
    done = tapectl("cat", path)
    count = len(done.stdout.splitlines())
    assert done.returncode == 1 and f"block 2 at byte {at}" in done.stderr and "ends within it" in done.stderr
    lost = int(re.search(r"(\d+) ticks are lost", done.stderr)[1])
    assert [tick["id"] for tick in tape.ticks(made)][:count] == [int(line.split()[6]) for line in done.stdout.splitlines()]
    verify = tapectl("verify", path)
    assert verify.returncode == 1 and f"ticks={count} blocks=2 damages=1 ticks_lost={lost} " in verify.stdout


@pytest.mark.parametrize("region", ["magic", "header", "data", "index", "symbols", "footer", "last byte"])
def test_a_flipped_bit_anywhere_is_told_with_its_place_and_costs_one_block_at_most(made, changed, region):
    blocks, index = tape.blocks(made)
    at, header, _ = blocks[1]
    size = made.stat().st_size
    place = {"magic": at, "header": at + 30, "data": at + header + 1000, "index": index + 40, "symbols": size - 70,
             "footer": size - 30, "last byte": size - 1}[region]  # fmt: skip
    path = changed(flip(place))
    done = tapectl("verify", path)
    assert done.returncode == 1 and "DAMAGED" in done.stdout
    ticks, lost = (int(re.search(rf"{word}=(\d+)", done.stdout)[1]) for word in ("ticks", "ticks_lost"))
    assert ticks + lost == TICKS and (lost > 0) == (region == "data")
    assert re.search(r"byte \d+", done.stderr) or "index" in done.stderr, done.stderr
    if region == "data":
        assert f"block 1 at byte {at}: its checksum is wrong" in done.stderr
        mended = path.with_suffix(".mended.tape")
        assert tapectl("cut", "--out", mended, path).returncode == 1
        assert tapectl("verify", mended).returncode == 0
        assert f"ticks={ticks} " in tapectl("verify", mended).stdout


def test_what_is_no_tape_is_refused_by_every_command(tmp_path):
    path = tmp_path / "x.tape"
    path.write_text('{"s":"BTC-USD"}\n' * 100)
    for command in (["cat"], ["info"], ["verify"], ["export"], ["cut", "--out", tmp_path / "y"], ["merge", "--out", tmp_path / "y"]):
        done = tapectl(*command, path)
        assert done.returncode == 1 and "is no tape: it begins with 7b 22 73 22" in done.stderr, command
    assert not (tmp_path / "y").exists() and not (tmp_path / "y.part").exists()


def test_files_joined_by_cat_are_told_and_read_all_the_same(made, changed):
    done = tapectl("cat", changed(lambda data: data + data))
    assert done.returncode == 1 and "joined" in done.stderr
    assert len(done.stdout.splitlines()) == 2 * TICKS


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a file system")
def test_a_full_disk_leaves_no_half_file_behind(made, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]).returncode:
        pytest.skip("can't mount a file system")
    try:
        done = tapectl("cut", "--out", folder / "cut.tape", made)
        assert done.returncode == 1 and "No space left" in done.stderr and "at byte" in done.stderr
        assert list(folder.iterdir()) == []
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(not shutil.which("zstd"), reason="zstd is not installed")
def test_a_file_is_read_at_speed_and_a_seek_or_a_rare_symbol_reads_a_part(tmp_path, figure):
    path, count = tmp_path / "big.tape", 2000000
    assert tapectl("gen", "--tape", path, "--count", count, "--symbols", 5000).returncode == 0
    began = time.perf_counter()
    assert tapectl("verify", path).returncode == 0
    ours = time.perf_counter() - began
    began = time.perf_counter()
    subprocess.run(["zstd", "-dcq", path], stdout=subprocess.DEVNULL, check=True)
    theirs = time.perf_counter() - began
    span = re.search(r"^event +(\S+) to (\S+)", tapectl("info", "--quick", path).stdout, re.MULTILINE)
    first, last = (calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) for text in span.groups())
    seeks = []
    for _ in range(10):
        at = instant(random.randrange(first, last) * 10**9)
        began = time.perf_counter()
        assert tapectl("cat", "--from", at, "--count", 1, path).returncode == 0
        seeks.append(time.perf_counter() - began)
    done = tapectl("cut", "--out", tmp_path / "rare.tape", "--symbols", "SIM4900-USD", path)
    read = int(re.search(r"read_bytes=(\d+)", done.stdout)[1])
    assert done.returncode == 0 and read < path.stat().st_size / 2
    figure(f"tape: {count / ours / 1e6:.1f} M ticks/s read and verified, zstd -dc takes {theirs / ours:.2f} of the time; first tick after a "
           f"seek {sorted(seeks)[5] * 1e3:.0f} ms; a rare symbol reads {read / path.stat().st_size:.0%}")  # fmt: skip
