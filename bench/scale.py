#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How the cost of a delivery grows, and what many connections cost.

    bench/scale.py [clients] [symbols] [workers] [idle] [--rounds N] [--build DIR] [--svg FILE]      all four unless named

clients   60,000 deliveries a second to 100 … 15,000 clients      mark: CPU a delivery grows at most twofold
symbols   the same to 1,000 clients, of 10 … 10,000 symbols       mark: at most 1.3-fold
workers   two workers on both cores against one on one            mark: deliveries per CPU-second at least 0.9 of one's
idle      36,000 connections in one process, nothing subscribed   marks: 1 KiB of user-space memory each, no CPU

The floor (bench/floor, a send a tick) is measured beside both growths: what it grows by too is the kernel's and the machine's.
Each client takes 10 symbols. Server on core 0 and load on core 1, except where two workers need both. A row is the median over
the rounds, which go through all sizes in turn. --svg writes the two growth curves as a picture.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

DELIVERIES = 60000
CLIENTS = (100, 300, 1000, 3000, 10000, 15000)
SYMBOLS = (10, 100, 1000, 10000)
IDLE = 36000


def trial(build, *options, server="server/tapehead", server_options=(), seconds=5):
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [build / "bench/tapebench", "--quiet", "--server", build / server, "--warmup", "2s",
                   "--duration", f"{seconds}s", "--json", report.name, *options, "--", *server_options]  # fmt: skip
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode not in (0, 3):
            sys.exit(f"scale.py: tapebench ended with {done.returncode}\n{done.stdout}")
        (one,) = json.loads(Path(report.name).read_text())["trials"]
        if one["void"]:
            print(f"void: {'; '.join(one['reasons'])}", file=sys.stderr)
        return one


SERVERS = {"server": ("server/tapehead", ()), "floor": ("bench/floor", ("--mode", "tick"))}


def curves(build, rounds, sizes, options_for):
    """{server or floor: {size: median CPU-s a million deliveries}} of the trials that count."""
    costs = {name: {size: [] for size in sizes} for name in SERVERS}
    for number in range(rounds):
        for size in sizes:
            for name, (program, options) in SERVERS.items():
                print(f"round {number + 1} of {rounds}: {name}, {size}", file=sys.stderr)
                one = trial(build, *options_for(size), server=program, server_options=options)
                if not one["void"]:
                    costs[name][size].append(one["cpu_s_per_million"])
    return {name: {size: statistics.median(values) for size, values in found.items() if values} for name, found in costs.items()}


def growth(costs):
    return max(costs.values()) / min(costs.values())


def show_growth(what, costs, mark):
    print(f"\n| CPU-s a million deliveries, {what} | " + " | ".join(f"{size:,}" for size in costs["server"]) + " | largest / smallest |"
          + "\n|" + " --- |" * (len(costs["server"]) + 2))  # fmt: skip
    for name, row in costs.items():
        print(f"| {name} | " + " | ".join(f"{cost:.2f}" for cost in row.values()) + f" | {growth(row):.2f} |")
    print(f"\nmark {mark}")


def clients(build, rounds):
    # Each client takes a tenth of the ticks.
    costs = curves(build, rounds, CLIENTS, lambda n: ("--clients", n, "--rate", DELIVERIES * 10 / n))
    show_growth("clients", costs, 2)
    return costs


def symbols(build, rounds):
    costs = curves(build, rounds, SYMBOLS,
                   lambda n: ("--symbols", f"10/{n}", "--rate", DELIVERIES * n / 10 / 1000))  # fmt: skip
    show_growth("symbols", costs, 1.3)
    return costs


def workers(build, rounds):
    """Deliveries a CPU-second of the server's, at a load that saturates neither: both cores are the load's, too."""
    found = {1: [], 2: []}
    for number in range(rounds):
        for count in found:
            print(f"round {number + 1} of {rounds}: {count} workers", file=sys.stderr)
            one = trial(build, "--rate", 600, "--server-cpu", 0 if count == 1 else -1, server_options=("--workers", count))
            found[count].append(1e6 / one["cpu_s_per_million"])
    ratios = [two / one for one, two in zip(found[1], found[2], strict=True)]
    print(f"\ndeliveries a CPU-second with two workers / with one: {statistics.median(ratios):.2f} "
          f"({min(ratios):.2f} to {max(ratios):.2f}, mark 0.9: 1.8 for twice the CPU)")  # fmt: skip


def idle(build, _):
    """What IDLE connections take beyond what a twelfth of them does: what a worker holds anyway is in both."""
    server = {}
    for count in (IDLE // 3, IDLE):
        print(f"{count} idle connections", file=sys.stderr)
        one = trial(build, "--scenario", "idle", "--clients", count, "--rate", 1, "--processes", 2, "--load-cpu", 0,
                    "--server-cpu", -1, seconds=10,
                    server_options=("--workers", 4, "--max-connections", IDLE + 1000, "--accept-rate", 0, "--heartbeat-ms", 0))  # fmt: skip
        server[count] = one["server"]
    few, many = server.values()
    own = (many["rss"] - few["rss"]) / (IDLE - IDLE // 3)
    print(f"\n{IDLE:,} idle connections in one process: {own:.0f} bytes of user-space memory each (mark 1024), "
          f"{many['cpu_ns'] / 1e7 / one['seconds']:.2f} % of a core; lost {one['lost']}")  # fmt: skip


def svg(curves):
    """Both curves over a logarithmic axis, cost from 0."""
    width, height, left, bottom = 360, 220, 48, 36
    parts = []
    for number, (what, costs) in enumerate(curves.items()):
        x0, top = number * (width + 20), max(max(row.values()) for row in costs.values()) * 1.25
        digits = [len(str(size)) for size in costs["server"]]
        low, high = min(digits) - 1, max(digits)

        def x(size):
            return x0 + left + (math.log10(size) - low) / (high - low) * (width - left - 10)

        def y(cost):
            return 20 + (1 - cost / top) * (height - 20 - bottom)

        parts.append(f'<text x="{x0 + width / 2}" y="14" text-anchor="middle">{what}</text>')
        for power in range(low, high + 1):
            parts.append(f'<path class="grid" d="M{x(10**power):.1f} 20V{y(0):.1f}"/>'
                         f'<text x="{x(10**power):.1f}" y="{y(0) + 16:.1f}" text-anchor="middle">{10**power:,}</text>')  # fmt: skip
        for step in range(0, int(top) + 1, 2):
            parts.append(f'<path class="grid" d="M{x0 + left} {y(step):.1f}H{x0 + width - 10}"/>'
                         f'<text x="{x0 + left - 6}" y="{y(step) + 4:.1f}" text-anchor="end">{step}</text>')  # fmt: skip
        for name, row in costs.items():
            points = " ".join(f"{x(size):.1f},{y(cost):.1f}" for size, cost in row.items())
            parts.append(f'<polyline class="{name}" points="{points}"/>')
            parts += [f'<circle class="{name}" cx="{x(size):.1f}" cy="{y(cost):.1f}" r="3"/>' for size, cost in row.items()]
            last, cost = list(row.items())[-1]
            parts.append(f'<text class="{name}" x="{x(last):.1f}" y="{y(cost) - 8:.1f}" text-anchor="end">{name}</text>')
    total = len(curves) * (width + 20) - 20
    style = ("text{font:11px sans-serif;fill:#666}.grid{stroke:#8884;fill:none}polyline{stroke-width:2;fill:none}"
             ".server{stroke:#0a7}.floor{stroke:#999}text.server{fill:#0a7;stroke:none}text.floor{fill:#888;stroke:none}"
             "circle.server{fill:#0a7}circle.floor{fill:#999}")  # fmt: skip
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}"><style>{style}</style>\n'
            + "\n".join(parts) + "\n</svg>\n")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="clients, symbols, workers, idle")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--build", type=Path, default=Path("build-bench"))
    parser.add_argument("--svg", type=Path)
    arguments = parser.parse_args()
    measures = {"clients": clients, "symbols": symbols, "workers": workers, "idle": idle}
    unknown = set(arguments.what) - set(measures)
    if unknown:
        parser.error(f"unknown: {' '.join(sorted(unknown))}; there are {' '.join(measures)}")
    curves = {}
    for name, measure in measures.items():
        if not arguments.what or name in arguments.what:
            costs = measure(arguments.build, arguments.rounds)
            if costs:
                curves[f"CPU-s a million deliveries, by {name}"] = costs
    if arguments.svg and curves:
        arguments.svg.write_text(svg(curves))


if __name__ == "__main__":
    main()
