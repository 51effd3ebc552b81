#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What Kafka costs: Tapehead beside a bare librdkafka consumer, on one real broker, in alternating rounds.

    bench/ingest.py [rate] [delay] [--rounds N] [--build DIR]      both unless named

rate    a topic of msgpack ticks, a tick a message, read from its beginning into the ring      mark: 0.8 of the bare loop's
delay   10,000 ticks a second; from the planned instant to 100 clients, of 10 of 50 symbols    mark: 1.5 of the bare loop's

The bare loop is build/bench/drain: it counts and does nothing else, and reads each tick's time for `delay`. The consumer has core
0 to itself; broker, producer and clients share core 1, which weighs on `delay` for both. Needs what tests/run.sh puts into
.deps: an Apache Kafka and a Python client of it; starts itself again under .deps/venv.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".deps/venv/bin/python"
TICKS = 3_000_000
RATE = 10_000
SECONDS = 10
CONSUMER_CORE, OTHER_CORE = 0, 1


def pinned(core, *words):
    return ["taskset", "-c", str(core), *(str(word) for word in words)]


def output(core, *words):
    done = subprocess.run(pinned(core, *words), capture_output=True, text=True)
    if done.returncode not in (0, 3):
        sys.exit(f"ingest.py: {words[0]} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Server:
    """A tapehead on the consumer's core, until the end of the with statement."""

    def __init__(self, build, broker, topic, *options):
        self.process = subprocess.Popen(
            pinned(CONSUMER_CORE, build / "server/tapehead", "--listen", "127.0.0.1:0", "--workers", 1, "--log-level", "warn",
                   "--brokers", broker, "--topic", topic, *options),
            stdout=subprocess.PIPE, text=True)  # fmt: skip
        self.url = re.search(r"url=(\S+)", self.process.stdout.readline())[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def metrics(self, *names):
        """Of one reading."""
        with urllib.request.urlopen(self.url + "metrics", timeout=10) as answer:
            text = answer.read().decode()
        return [int(float(re.search(rf"^tapehead_{name} (\S+)$", text, re.MULTILINE)[1])) for name in names]


def server_rate(build, broker, topic):
    """Ticks a second and a CPU-second, from the first look that finds some to the one that finds the last."""
    with Server(build, broker, topic, "--from", "earliest") as server:
        began = cpu = before = None
        while True:
            ticks, rejected = server.metrics("ticks_total", "source_messages_total")
            now = time.monotonic()
            if ticks and began is None:
                began, cpu, before = now, server.cpu_s(), ticks
            if ticks >= TICKS:
                break
            if began and now - began > 60:
                sys.exit(f"ingest.py: only {ticks} of {rejected} messages became ticks")
            time.sleep(0.02)
        return (ticks - before) / (now - began), (ticks - before) / max(server.cpu_s() - cpu, 0.01)


def bare_rate(build, broker, topic):
    one = json.loads(output(CONSUMER_CORE, build / "bench/drain", "--brokers", broker, "--topic", topic, "--count", TICKS))
    return one["messages"] / one["seconds"], one["messages"] / one["cpu_s"]


def summary(values, unit):
    return f"{statistics.median(values):.2f} {unit} ({min(values):.2f} to {max(values):.2f})"


def rate(build, broker, rounds):
    topic = broker.topic()
    print(f"filling a topic with {TICKS:,} ticks", file=sys.stderr)
    output(OTHER_CORE, build / "tools/tapectl", "gen", "--brokers", broker.address, "--topic", topic, "--rate", 0,
           "--count", TICKS)  # fmt: skip
    found = {"bare": [], "server": []}
    for number in range(rounds):
        for name, measure in (("bare", bare_rate), ("server", server_rate)):
            found[name].append([value / 1e6 for value in measure(build, broker.address, topic)])
            print(f"round {number + 1} of {rounds}: {name} {found[name][-1][0]:.2f} M ticks/s", file=sys.stderr)
    for name, values in found.items():
        print(f"{name:7} {summary([one for one, _ in values], 'M ticks/s')}; {summary([one for _, one in values], 'M a CPU-second')}")
    ratios = [server[0] / bare[0] for server, bare in zip(found["server"], found["bare"], strict=True)]
    print(f"Kafka to ring, server / bare: {summary(ratios, '')}, marks 0.8, and 1 M ticks/s")


def server_delay(build, broker, topic):
    with Server(build, broker, topic) as server, tempfile.NamedTemporaryFile(suffix=".json") as report:
        output(OTHER_CORE, build / "bench/tapebench", "--quiet", "--url", server.url.replace("http", "ws"),
               "--server-pid", server.process.pid, "--load-cpu", OTHER_CORE, "--clients", 100, "--symbols", "10/50",
               "--warmup", "1s", "--duration", f"{SECONDS}s", "--json", report.name)  # fmt: skip
        (one,) = json.loads(Path(report.name).read_text())["trials"]
        if one["missed"] or not one["received"]:
            sys.exit(f"ingest.py: {one['reasons']}")
        return one["latency"]["p50_ns"] / 1e6, one["latency"]["p99_ns"] / 1e6


def bare_delay(build, broker, topic):
    one = json.loads(output(CONSUMER_CORE, build / "bench/drain", "--brokers", broker, "--topic", topic, "--seconds", SECONDS))
    return one["p50_ms"], one["p99_ms"]


def delay(build, broker, rounds):
    topic = broker.topic()
    feed = subprocess.Popen(
        pinned(OTHER_CORE, build / "tools/tapectl", "gen", "--brokers", broker.address, "--topic", topic, "--rate", RATE,
               "--burst", 0, "--duration", rounds * (2 * SECONDS + 20) + 5),
        stdout=subprocess.DEVNULL)  # fmt: skip
    found = {"bare": [], "server": []}
    time.sleep(3)
    for number in range(rounds):
        for name, measure in (("bare", bare_delay), ("server", server_delay)):
            found[name].append(measure(build, broker.address, topic))
            print(f"round {number + 1} of {rounds}: {name} p50 {found[name][-1][0]:.2f} ms", file=sys.stderr)
    feed.terminate()
    feed.wait()
    for name, values in found.items():
        print(f"{name:7} p50 {summary([p50 for p50, _ in values], 'ms')}; p99 {summary([p99 for _, p99 in values], 'ms')}")
    ratios = [server[0] / bare[0] for server, bare in zip(found["server"], found["bare"], strict=True)]
    print(f"planned instant to client, p50, server / bare: {summary(ratios, '')}, marks 1.5, and 3 ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="rate, delay")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--build", type=Path, default=ROOT / "build-bench")
    arguments = parser.parse_args()
    measures = {"rate": rate, "delay": delay}
    unknown = set(arguments.what) - set(measures)
    if unknown:
        parser.error(f"unknown: {' '.join(sorted(unknown))}; there are {' '.join(measures)}")
    if not PYTHON.exists():
        sys.exit("ingest.py: needs .deps, which tests/run.sh fills")
    if Path(sys.executable) != PYTHON:
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    sys.path.insert(0, str(ROOT / "tests/e2e"))
    os.sched_setaffinity(0, {OTHER_CORE})  # for the broker, which inherits it
    from kafka import Broker

    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(folder).start()
        try:
            for name, measure in measures.items():
                if not arguments.what or name in arguments.what:
                    measure(arguments.build, broker, arguments.rounds)
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
