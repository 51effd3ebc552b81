#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether loss is a contract under load, and whether slow clients cost the others nothing.

    bench/contract.py stall [--rounds N] [--build DIR]      the readers' p99 with and without stalled clients, alternating
    bench/contract.py soak [--minutes M] [--build DIR]      clients come and go, others stall; memory and accounts

Both: 1,000 clients of 10 of 100 symbols at 20,000 ticks a second, server on core 0, load on core 1; `stalled` are 10 more
clients that don't read for 12 s, and then catch up and are held to a complete account. Ends with 1 if a promise is broken,
or if a mark is missed. Growth is judged from a minute on, when the arena, the history and the most that ever waited at once have
been written once.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RATE = 20000
STALL_S = 12
STALL_MARK = 1.2
GROWTH_MARK = 1 << 20
SETTLED_S = 60
# What must be zero: losses that no gap names, ticks that are wrong, connections that ended unasked.
FAULTS = ("missed", "missing", "slow_missed", "slow_missing", "slow_lost", "duplicates", "reordered", "lost", "errors",
          "broken", "stray")  # fmt: skip


def trial(build, duration_s, warmup_s, *options):
    """tapebench's trial, and the memory sum that its server printed at start."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [build / "bench/tapebench", "--quiet", "--server", build / "server/tapehead", "--rate", RATE,
                   "--duration", f"{duration_s}s", "--warmup", f"{warmup_s}s", "--grace", "20s", "--json", report.name,
                   *options, "--", "--log-level", "info"]  # fmt: skip
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode not in (0, 3):
            sys.exit(f"contract.py: tapebench ended with {done.returncode}\n{done.stdout}{done.stderr}")
        (one,) = json.loads(Path(report.name).read_text())["trials"]
        return one, int(re.search(r"what=sum bytes=(\d+)", done.stderr)[1])


def faults(one):
    return [f"{one[name]} {name}" for name in FAULTS if one[name]]


def broken(one, promised):
    found = faults(one)
    if one["server"]["rss_max"] > promised:
        found.append(f"{one['server']['rss_max']} bytes of memory where {promised} were promised")
    if one["received"] == 0:
        found.append("nothing received")
    return found


def mib(size):
    return size / (1 << 20)


def stall(build, rounds):
    ratios, wrong = [], []
    for number in range(1, rounds + 1):
        runs = {}
        # The first of a pair changes from round to round.
        for stalled in ((0, 10), (10, 0))[number % 2]:
            slow = ("--slow", f"{stalled}:stall={STALL_S}") if stalled else ()
            runs[stalled], promised = trial(build, STALL_S, 3, *slow)
            wrong += broken(runs[stalled], promised)
        p99 = {stalled: one["latency"]["p99_ns"] / 1e6 for stalled, one in runs.items()}
        ratios.append(p99[10] / p99[0])
        print(f"round {number}: p99 {p99[0]:6.2f} ms without, {p99[10]:6.2f} ms with 10 stalled: {ratios[-1]:.2f}; reach "
              f"{runs[10]['reach'] * 100:.4f} %; the stalled got {runs[10]['slow_received']} ticks, were told of "
              f"{runs[10]['slow_announced']} lost; RSS {mib(runs[10]['server']['rss_max']):.0f} of {mib(promised):.0f} MiB",
              flush=True)  # fmt: skip
    ratio = statistics.median(ratios)
    print(f"p99 with stalled clients / without: {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}), mark {STALL_MARK}")
    if ratio > STALL_MARK:
        wrong.append(f"p99 {ratio:.2f} times that without stalled clients")
    return wrong


def soak(build, minutes):
    seconds = minutes * 60
    stall_s = min(STALL_S, int(seconds / 5))
    one, promised = trial(build, seconds, 2, "--slow", f"10:stall={stall_s}", "--churn", 100)
    memory = [slice["server_rss"] for slice in one["slices"] if slice["at_s"] >= SETTLED_S and slice["server_rss"]]
    growth = memory[-1] - memory[0] if memory else 0
    print(f"{one['seconds']:.0f} s at {one['deliveries_per_s']:.0f} deliveries a second: {one['churned']} clients left and "
          f"came back; {one['received']} ticks received, {one['announced']} announced as lost; the stalled got "
          f"{one['slow_received']}, were told of {one['slow_announced']} lost; RSS "
          f"{mib(one['server']['rss_max']):.1f} of {mib(promised):.0f} MiB"
          + (f", grown by {growth >> 10} KiB since second {SETTLED_S}" if memory else ""))  # fmt: skip
    wrong = broken(one, promised)
    if growth > GROWTH_MARK:
        wrong.append(f"memory grew by {growth} bytes")
    if one["churned"] < 90 * seconds:
        wrong.append(f"only {one['churned']} clients came and went")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("stall", "soak"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--build", type=Path, default=Path("build-bench"))
    arguments = parser.parse_args()
    if arguments.what == "stall":
        wrong = stall(arguments.build, arguments.rounds)
    else:
        wrong = soak(arguments.build, arguments.minutes)
    for fault in wrong:
        print(f"BROKEN: {fault}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
