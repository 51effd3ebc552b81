# SPDX-License-Identifier: MIT
"""A recorded feed plays as it was: through Kafka or straight into a server, at any pace, the same every time."""

import hashlib
import json
import re
import signal
import subprocess
import time

import pytest

from account import Account
from server import BINARY, TAPECTL, run, tapectl
from tape import ticks
from test_exactness import ROOMY, require_exact
from trades import RECORDED, Tape, positions

# A second for the clients to subscribe before the first tick, and as fast as the ring takes it.
AT_ONCE = "speed=max,delay-ms=1000,clock=receive"


def checksum(account):
    """Of every field of every tick, in order, but the instant of receipt."""
    told = [[{key: value for key, value in tick.items() if key not in ("rts", "rts_ns")} for tick in ticks]
            for _, ticks in sorted(account.ticks.items())]  # fmt: skip
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


@pytest.mark.timeout(300)
def test_the_real_trades_play_straight_into_a_server_identical_in_every_field_three_times_over(start, client, recording, figure):
    if not RECORDED.exists():
        pytest.skip(f"{RECORDED} is absent")
    tape, path = recording
    sums = {form: set() for form in ("json", "msgpack")}
    for _ in range(3):
        server = start("--source", f"file:{path},{AT_ONCE}", *ROOMY, "--queue-bytes", 1 << 26)
        clients = [client(server, form) for form in sums]
        for one in clients:
            one.ask("subscribe", symbols=["*"])
        for one in clients:
            sums[one.form].add(checksum(require_exact(one.trades(tape.count()), tape, one.form)))
    assert [len(found) for found in sums.values()] == [1, 1]
    figure(f"{tape.count()} real trades from a tape into a server, three times: {sums['json'].pop()[:16]}")


@pytest.mark.timeout(300)
def test_a_tape_replayed_to_kafka_arrives_as_it_was_captured(broker, on_topic, client, recording):
    tape, path = recording
    topic = broker.topic()
    server = on_topic(topic, *ROOMY)
    one = client(server, "msgpack")
    one.ask("subscribe", symbols=["*"])
    done = tapectl("replay", "--brokers", broker.address, "--topic", topic, "--speed", "max", path)
    assert done.returncode == 0, done.stderr
    assert f"acknowledged={tape.count()} " in done.stdout
    require_exact(one.trades(tape.count()), tape, "msgpack")


def test_positions_from_a_file_are_those_of_the_topic(start, client, broker, on_topic, tmp_path):
    topic = broker.topic(partitions=3)
    assert tapectl("gen", "--brokers", broker.address, "--topic", topic, "--rate", 0, "--count", 3000).returncode == 0
    assert tapectl("capture", "--brokers", broker.address, "--topic", topic, "--out", tmp_path, "--until-end").returncode == 0
    kafka = on_topic(topic, *ROOMY, "--from", "earliest")
    (path,) = tmp_path.glob("*.tape")
    file = start("--source", f"file:{path},{AT_ONCE}", *ROOMY)
    told = client(file)
    told.ask("subscribe", symbols=["*"])
    by_file = Account(told.trades(3000))
    last = {symbol: ticks[-1] for symbol, ticks in by_file.ticks.items()}
    for snapshot in kafka.json("/v1/last")["last"]:
        assert last[snapshot["symbol"]]["id"] == snapshot["id"]
        assert positions(by_file)[snapshot["symbol"]][-1][1] == snapshot["pos"]


def test_the_pace_is_the_tape_s_and_how_late_it_was_is_told(broker, recording, figure):
    _, path = recording
    topic = broker.topic()
    began = time.monotonic()
    done = tapectl("replay", "--brokers", broker.address, "--topic", topic, "--to", after(path, 3), path)
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert 2 < took < 8
    p99 = re.search(r"late_p99_us=(\d+)", done.stdout)
    figure(f"replay at 1x: {done.stdout.strip()}")
    assert p99


def after(path, seconds):
    """An instant so long after the first tick of the tape, as RFC 3339."""
    whole, rest = divmod(next(iter(ticks(path)))["t"] + seconds * 10**9, 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{rest:09d}Z"


def test_heartbeats_say_that_it_is_a_replay_and_the_server_stops_at_the_end_where_told_to(start, client, recording):
    tape, path = recording
    server = start("--source", f"file:{path},{AT_ONCE},end=stop", "--heartbeat-ms", 100, *ROOMY)
    one = client(server)
    one.ask("subscribe", symbols=["*"])
    assert one.until("heartbeat")["source"] == "replay"
    Account(one.trades(tape.count()))
    assert one.closing().code == 1001 and one.of("shutdown")
    assert server.wait() == 0


def test_a_loop_plays_on(start, client, broker, tmp_path):
    topic = broker.topic()
    assert tapectl("gen", "--brokers", broker.address, "--topic", topic, "--rate", 0, "--count", 100).returncode == 0
    assert tapectl("capture", "--brokers", broker.address, "--topic", topic, "--out", tmp_path, "--until-end").returncode == 0
    (path,) = tmp_path.glob("*.tape")
    one = client(start("--source", f"file:{path},{AT_ONCE},end=loop,speed=5"))
    one.ask("subscribe", symbols=["*"])
    account = Account(one.trades(450))
    assert sum(len(ticks) for ticks in account.ticks.values()) >= 450


@pytest.mark.parametrize(
    "source, named",
    [("file:", "names no file"), ("file:/nowhere.tape", "/nowhere.tape"), ("file:x.tape,speed=fast", "speed=fast"),
     ("file:x.tape,form=1", "form=1"), ("file:x.tape,from=yesterday", "from=yesterday"), ("file:/etc/hostname", "/etc/hostname")],
)  # fmt: skip
def test_a_source_that_cannot_be_played_is_named(source, named):
    done = run(BINARY, "--source", source, "--listen", "127.0.0.1:0")
    assert done.returncode == 2 and named in done.stderr, done.stderr


def test_replay_ends_on_a_signal_with_what_was_sent_acknowledged(broker, recording):
    _, path = recording
    replay = subprocess.Popen([TAPECTL, "replay", "--brokers", broker.address, "--topic", broker.topic(), path],
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
    time.sleep(2)
    replay.send_signal(signal.SIGINT)
    out, _ = replay.communicate(timeout=30)
    sent, acknowledged = re.match(r"sent=(\d+) acknowledged=(\d+)", out).groups()
    assert sent == acknowledged and replay.returncode == 0
