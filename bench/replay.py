#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What replays cost, as ratios to what they are compared with, in alternating rounds.

    bench/replay.py [wire] [kafka] [--rounds N] [--build DIR]      both unless named

wire    a capture file to one client as fast as it goes, beside the same ticks fanned out live to one client      mark: 0.7
kafka   `tapectl replay --speed max` beside a bare librdkafka producer (build/bench/pour), on one real broker

For `wire` the worker has core 0; the player thread, or thread F, shares core 1 with the client, which counts bytes and
does nothing else. Live ticks come from `--source file:` at ever lower rates, until the client is sent all of them. For `kafka` the producer has core 0, the broker core 1. Needs what tests/run.sh puts into .deps.
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".deps/venv/bin/python"
TICKS = 1_000_000
SYMBOLS = 50
TAPE_RATE = 100_000  # ticks a second of the tape's own time
RATES = [100_000 * n for n in (20, 17, 14, 12, 10, 8, 7, 6, 5, 4, 3, 2)]
WORKER_CORE, OTHER_CORE = 0, 1
ROOMY = ("--queue-frames", 65536, "--queue-bytes", 1 << 26, "--replay-rate", 0, "--no-deflate")


def pinned(core, *words):
    return ["taskset", "-c", str(core), *(str(word) for word in words)]


def output(core, *words):
    done = subprocess.run(pinned(core, *words), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"replay.py: {words[0]} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def summary(values, unit):
    return f"{statistics.median(values):.2f} {unit} ({min(values):.2f} to {max(values):.2f})"


# ---- to a client ----


class Server:
    """A tapehead whose worker is alone on its core, until the end of the with statement."""

    def __init__(self, build, *options):
        self.process = subprocess.Popen(
            pinned(OTHER_CORE, build / "server/tapehead", "--listen", "127.0.0.1:0", "--workers", 1, "--log-level", "warn",
                   *ROOMY, *options),
            stdout=subprocess.PIPE, text=True)  # fmt: skip
        self.port = int(re.search(r":(\d+)/", self.process.stdout.readline())[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def place_worker(self):
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text() == "worker 0\n":
                os.sched_setaffinity(int(task.name), {WORKER_CORE})

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def masked(text):
    data = text.encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + len(data).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + data


def connect(server):
    sock = socket.create_connection(("127.0.0.1", server.port))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")  # fmt: skip
    while b'"welcome"' not in sock.recv(65536):
        pass
    return sock


GAP = re.compile(rb'"type":"gap","symbol":"[^"]+","from":\d+,"to":\d+,"count":(\d+)')


def count_ticks(server, sock):
    """Ticks received a second and a CPU-second from the first to the last, and how many were announced as lost."""
    received, lost, began, cpu, tail = 0, 0, None, 0, b""
    sock.settimeout(30)
    while received + lost < TICKS:
        data = tail + sock.recv(1 << 20)
        if began is None and b'"trade"' in data:
            began, cpu = time.monotonic(), server.cpu_s()
        whole = data.rfind(b"}") + 1  # of messages
        received += data.count(b'"type":"trade"', 0, whole)
        lost += sum(int(one[1]) for one in GAP.finditer(data, 0, whole))
        tail = data[whole:]
    return received / (time.monotonic() - began), received / max(server.cpu_s() - cpu, 0.01), lost


def play(build, tape):
    with Server(build, "--source", "sim:rate=1", "--archive", tape.parent) as server, connect(server) as sock:
        server.place_worker()
        sock.sendall(masked('{"op":"replay","id":1,"symbols":["*"],"speed":"max"}'))
        return count_ticks(server, sock)


def live_at(build, tape, rate):
    source = f"file:{tape},speed={rate / TAPE_RATE:g},delay-ms=1000"
    with Server(build, "--source", source) as server, connect(server) as sock:
        server.place_worker()
        sock.sendall(masked('{"op":"subscribe","id":1,"symbols":["*"]}'))
        return count_ticks(server, sock)


def live(build, tape):
    """At the highest rate that one client is sent completely."""
    for rate in RATES:
        found = live_at(build, tape, rate)
        print(f"live, offered {rate / 1e6:.1f} M/s: {found[0] / 1e6:.2f} M/s, lost {100 * found[2] / TICKS:.1f} %", file=sys.stderr)
        if not found[2]:
            break
    return found


def wire(build, rounds, tape):
    found = {"live": [], "replay": []}
    for number in range(rounds):
        for name, measure in (("live", live), ("replay", play)):
            found[name].append([value / 1e6 for value in measure(build, tape)])
            print(f"round {number + 1} of {rounds}: {name} {found[name][-1][0]:.2f} M ticks/s", file=sys.stderr)
    for name, values in found.items():
        print(f"{name:7} {summary([one[0] for one in values], 'M ticks/s')}; {summary([one[1] for one in values], 'M a CPU-second')}")
    ratios = [replay[0] / once[0] for replay, once in zip(found["replay"], found["live"], strict=True)]
    print(f"to one client, replay / live: {summary(ratios, '')}, mark 0.7")


# ---- to Kafka ----


def bare(build, broker, _tape):
    topic = broker.topic()
    one = json.loads(output(WORKER_CORE, build / "bench/pour", "--brokers", broker.address, "--topic", topic, "--count", TICKS))
    return one["messages"] / one["seconds"]


def replayed(build, broker, tape):
    topic = broker.topic()
    text = output(WORKER_CORE, build / "tools/tapectl", "replay", "--brokers", broker.address, "--topic", topic,
                  "--speed", "max", tape)  # fmt: skip
    return float(re.search(r"ticks_per_s=(\d+)", text)[1])


def kafka(build, rounds, tape, broker):
    found = {"bare": [], "replay": []}
    for number in range(rounds):
        for name, measure in (("bare", bare), ("replay", replayed)):
            found[name].append(measure(build, broker, tape) / 1e6)
            print(f"round {number + 1} of {rounds}: {name} {found[name][-1]:.2f} M ticks/s", file=sys.stderr)
    for name, values in found.items():
        print(f"{name:7} {summary(values, 'M ticks/s')}")
    ratios = [replay / once for replay, once in zip(found["replay"], found["bare"], strict=True)]
    print(f"to Kafka, replay / bare producer: {summary(ratios, '')}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="wire, kafka")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--build", type=Path, default=ROOT / "build-bench")
    arguments = parser.parse_args()
    unknown = set(arguments.what) - {"wire", "kafka"}
    if unknown:
        parser.error(f"unknown: {' '.join(sorted(unknown))}; there are wire, kafka")
    if not PYTHON.exists():
        sys.exit("replay.py: needs .deps, which tests/run.sh fills")
    if Path(sys.executable) != PYTHON:
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    sys.path.insert(0, str(ROOT / "tests/e2e"))
    os.sched_setaffinity(0, {OTHER_CORE})  # for client and broker, which inherit it
    from kafka import Broker

    with tempfile.TemporaryDirectory() as folder:
        tape = Path(folder) / "tape/gen-000001.tape"
        tape.parent.mkdir()
        output(OTHER_CORE, arguments.build / "tools/tapectl", "gen", "--tape", tape, "--count", TICKS, "--symbols", SYMBOLS, "--rate", TAPE_RATE, "--burst", 0)  # fmt: skip
        if "wire" in arguments.what or not arguments.what:
            wire(arguments.build, arguments.rounds, tape)
        if "kafka" in arguments.what or not arguments.what:
            broker = Broker(Path(folder) / "kafka").start()
            try:
                kafka(arguments.build, arguments.rounds, tape, broker)
            finally:
                broker.stop()


if __name__ == "__main__":
    main()
