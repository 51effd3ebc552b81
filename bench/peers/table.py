# SPDX-License-Identifier: MIT
"""The table of bench/peers/run.sh: medians over the rounds, in Markdown.

A peer beyond its limit loses ticks without a word: tapebench calls that void. Here it is a column of its own, for what a
server does when it is full is part of the comparison.
"""

import json
import statistics
import sys
from pathlib import Path

ORDER = ("floor", "tapehead", "ws", "nats", "nchan", "centrifugo")


def read(folder):
    """{(server, load, clients): [trial]} and the newest report's head."""
    trials, head = {}, {}
    for path in sorted(folder.glob("*.json")):
        if not path.stat().st_size:
            continue
        report = json.loads(path.read_text())
        server, load, clients = path.stem.rsplit(".", 1)[0].split("-")
        trials.setdefault((server, load, int(clients)), []).extend(report["trials"])
        head = report
    return trials, head


def silently(trial):
    """The share of what was to come that neither came nor was announced."""
    lost = trial["missed"] + trial["missing"]
    return lost / max(1, lost + trial["received"] + trial["announced"])


COLUMNS = {
    "steady": (
        ("CPU-s / million", lambda t: t["cpu_s_per_million"], "{:.1f}"),
        ("p50 ms", lambda t: t["latency"]["p50_ns"] / 1e6, "{:.2f}"),
        ("p99 ms", lambda t: t["latency"]["p99_ns"] / 1e6, "{:.1f}"),
        ("RSS a connection", lambda t: (t["server"]["rss"] - t["server"]["rss_empty"]) / t["connections"], "{:.0f}"),
        ("lost silently", silently, "{:.1%}"),
    ),
    "full": (
        ("full: deliveries/s", lambda t: t["deliveries_per_s"], "{:,.0f}"),
        ("lost silently", silently, "{:.1%}"),
    ),
}


def cell(trials, value, form, clients):
    values = [value({**trial, "connections": clients}) for trial in trials if trial["arrived"]]
    return form.format(statistics.median(values)) if values else "–"


def main():
    folder = Path(sys.argv[1])
    trials, head = read(folder)
    if not trials:
        sys.exit("table.py: no reports")
    print(f"{head['machine']['processor']}, {head['machine']['kernel']}, commit {head['commit']}, {head['when']}\n")
    for clients in sorted({key[2] for key in trials}):
        heads = [name for load in COLUMNS for name, _, _ in COLUMNS[load]]
        print(f"| {clients:,} clients | " + " | ".join(heads) + " |\n|" + " --- |" * (len(heads) + 1))
        for server in ORDER:
            cells = [cell(trials.get((server, load, clients), []), value, form, clients)
                     for load in COLUMNS for _, value, form in COLUMNS[load]]  # fmt: skip
            if any(text != "–" for text in cells):
                print(f"| {server} | " + " | ".join(cells) + " |")
        rounds = {len(found) for key, found in trials.items() if key[2] == clients}
        print(f"\nmedians of {min(rounds)} to {max(rounds)} rounds\n")
    absent = folder / "absent"
    for name in absent.read_text().split() if absent.exists() else ():
        print(f"{name}: could not be installed on this machine")
    print("uWebSockets.js: the npm registry's only current build wants a newer C library than Debian 12's")


main()
