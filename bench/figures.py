# SPDX-License-Identifier: MIT
"""Prints what bench/run.sh measured as one table, beside its ratio to bench/figures.json; with --update writes that file.

A figure is the median of its rounds, and bears their spread. Trials that tapebench calls void are left out and named. One
exception: where as much is offered as can be, the load may be the limit. What was delivered is then a lower bound, and
the CPU time that it took the server still counts; these trials are kept and named, too.
"""

import json
import statistics
import sys
from pathlib import Path

COMMITTED = Path(__file__).parent / "figures.json"

# What of a trial is a figure: its name, and how it is read from the report.
FIGURES = {
    "cpu_s_per_million": lambda t: t["cpu_s_per_million"],
    "deliveries_per_s": lambda t: t["deliveries_per_s"],
    "deliveries_per_cpu_s": lambda t: 1e6 / t["cpu_s_per_million"],
    "p50_ms": lambda t: t["latency"]["p50_ns"] / 1e6,
    "p99_ms": lambda t: t["latency"]["p99_ns"] / 1e6,
}
FLOOD = {
    "handshakes_per_s": lambda t: t["handshakes"] / t["seconds"],
    "handshakes_per_cpu_s": lambda t: t["handshakes"] / (t["server"]["cpu_ns"] / 1e9),
}
# mark, numerator, denominator, figure, and which way it must lie
MARKS = [
    ("CPU a delivery, server / floor", "server", "floor-tick", "cpu_s_per_million", "<=", 1.1),
    ("the same, max_delay_ms 20 / 0", "server-delay20", "server", "cpu_s_per_million", "<=", 0.55),
    ("CPU a delivery, TLS / clear", "server-tls", "server", "cpu_s_per_million", "<=", 1.4),
    ("the same, max_delay_ms 20", "server-tls-delay20", "server-delay20", "cpu_s_per_million", "<=", 1.25),
    ("CPU a delivery, deflated / plain", "server-deflate", "server", "cpu_s_per_million", "<=", 1.1),
    ("p50, server / floor", "server", "floor-tick", "p50_ms", "<=", 1.2),
    ("p99, server / floor", "server", "floor-tick", "p99_ms", "<=", 1.3),
    ("full, N=1000, server / floor", "server-full-1000", "floor-full-1000", "deliveries_per_s", ">=", 0.9),
    ("full, N=1000, a CPU-second, the same", "server-full-1000", "floor-full-1000", "deliveries_per_cpu_s", ">=", 0.9),
    ("full, N=10,000, server / floor", "server-full-10000", "floor-full-10000", "deliveries_per_s", ">=", 0.9),
    ("full, N=10,000, a CPU-second, the same", "server-full-10000", "floor-full-10000", "deliveries_per_cpu_s", ">=", 0.9),
]


def spread(values):
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values), "rounds": len(values)}


def micro(folder):
    for line in (folder / "micro.tsv").read_text().splitlines():
        name, median, least, greatest = line.split("\t")
        yield f"micro {name} ns", {"median": float(median), "least": float(least), "greatest": float(greatest), "rounds": 9}


def micro_marks(figures):
    ns = {name: figures[f"micro {name} ns"]["median"] for name in ("ring.two-threads", "bell.worker", "bell.bare")}
    for mark, value in (("ring, M ticks/s across cores (>= 50)", 1e3 / ns["ring.two-threads"]),
                        ("tick to byte, worker / bare eventfd (<= 1.3)", ns["bell.worker"] / ns["bell.bare"])):  # fmt: skip
        yield mark, spread([value])


def trials(folder):
    """{name: {round: trial}} of those that count, a line for each that is void, and the last report's head."""
    good, void, head = {}, [], {}
    for path in sorted(folder.glob("*.json")):
        name, number = path.stem.rsplit(".", 1)
        report = json.loads(path.read_text())
        head = {key: report[key] for key in ("machine", "commit", "when", "clocks")}
        for trial in report["trials"]:
            reasons = [reason for reason in trial["reasons"] if reason.startswith("VOID")]
            load_only = all(reason.startswith("VOID: the load ran") for reason in reasons)
            keep = load_only and ("full" in name or name == "handshakes")
            if reasons:
                void.append(f"{'kept' if keep else 'left out'}, {path.stem}: {'; '.join(reasons)}")
            if keep or not reasons:
                good.setdefault(name, {})[number] = trial
    return good, void, head


def measured(good):
    for name, rounds in good.items():
        for figure, read in (FLOOD if name == "handshakes" else FIGURES).items():
            yield f"{name} {figure}", spread([read(trial) for trial in rounds.values()])


def ratios(good):
    """Each mark as the median of its ratio round by round: the two stood side by side in time."""
    for mark, above, below, figure, way, bound in MARKS:
        both = sorted(set(good.get(above, {})) & set(good.get(below, {})))
        values = [FIGURES[figure](good[above][r]) / FIGURES[figure](good[below][r]) for r in both]
        if values:
            yield f"{mark} ({way} {bound})", spread(values)


def show(title, figures, committed):
    print(f"\n{title:46} {'median':>12} {'least':>12} {'greatest':>12} {'to last':>8}")
    for name, figure in figures.items():
        last = committed.get(name, {}).get("median")
        ratio = f"{figure['median'] / last:8.2f}" if last else "       –"
        print(f"{name:46} {figure['median']:12.3f} {figure['least']:12.3f} {figure['greatest']:12.3f} {ratio}")


def main():
    update, folder = "--update" in sys.argv, Path(sys.argv[-1])
    committed = json.loads(COMMITTED.read_text()) if COMMITTED.exists() else {"figures": {}}
    good, void, head = trials(folder)
    rooms = dict(micro(folder))
    groups = {"marks": {**dict(ratios(good)), **dict(micro_marks(rooms))}, "fan-out": dict(measured(good)), "micro": rooms}
    for title, figures in groups.items():
        if figures:
            show(title, figures, committed["figures"])
    for line in void:
        print(line)
    if committed.get("commit"):
        print(f"\n'to last' is to {committed['commit']}, {committed['when']}; absolute times drift, ratios within a run don't")
    if update:
        figures = {name: figure for group in groups.values() for name, figure in group.items()}
        COMMITTED.write_text(json.dumps({**committed, **head, "figures": {**committed["figures"], **figures}}, indent=1) + "\n")


main()
