# SPDX-License-Identifier: MIT
"""Garbage on the port, on the topic and on every command line: clear errors, nothing lost, no crash."""

import os
import random
import socket
import struct

import pytest

from account import Account
from raw import Raw, upgrade
from server import BINARY, REPORTS, TAPECTL, run, tapectl, wait_for
from trades import value

SEED = int(os.environ.get("SEED", "1"))


def garbage(chance):
    """One connection's worth: noise, an almost-request, or noise behind a good handshake."""
    noise = chance.randbytes(chance.choice([1, 10, 200, 5000, 70000]))
    request = bytearray(upgrade("/ws?symbols=*"))
    for _ in range(chance.randrange(1, 6)):
        request[chance.randrange(len(request))] = chance.randrange(256)
    frames = b"".join(
        bytes([chance.choice([0x81, 0x82, 0x01, 0x80, 0x88, 0x89, 0xF1]), 0x80 | chance.randrange(126)])
        + chance.randbytes(chance.randrange(130))
        for _ in range(20)
    )
    return chance.choice([noise, bytes(request), bytes(request) + noise, upgrade() + noise, upgrade("/") + frames])


def throw(port, chance):
    with Raw(port, timeout=5) as one:
        try:
            one.send(garbage(chance))
            if chance.random() < 0.5:
                one.ended(0.02)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
        if chance.random() < 0.5:
            one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.main_path
def test_garbage_on_the_port_harms_nobody_who_streams(sim, crowd):
    server = sim("rate=40,symbols=10", "--handshake-ms", 1000)
    streaming = crowd(server, 200)
    chance = random.Random(SEED)
    for _ in range(400):
        throw(server.port, chance)
    assert server.running()
    summary = streaming.leave()
    assert summary["closed"] == {"1000": 200}, (SEED, summary)
    assert summary["holes"] == [] and summary["lost"] == 0 and summary["trades"] > 200
    assert wait_for(lambda: server.metrics().sum("tapehead_connections") <= 1, 10)


BAD_VALUES = {
    "empty": [b""],
    "syntax": [b"{", b"nonsense", b'{"s":"X","p":"1","q":"1","t":1}{', b"\xc1", b"\x84\xa1s"],
    "shape": [b"17", b'"text"', b"[1]", b"null"],
    "symbol": [value("X Y").encode(), value("").encode(), value("A" * 33).encode(), b'{"p":"1","q":"1","t":1}'],
    "price": [value("X", price="abc").encode(), value("X", price="").encode(), b'{"s":"X","q":"1","t":1}'],
    "size": [value("X", size="1.2.3").encode(), b'{"s":"X","p":"1","t":1}'],
    "decimal_range": [value("X", price="9223372036854775808").encode(), value("X", size="1e200").encode()],
    "side": [value("X", side="up").encode()],
    "id": [value("X", n="-5").encode(), value("X", n=18446744073709551616).encode()],
    "time": [value("X", t="soon").encode(), b'{"s":"X","p":"1","q":"1"}'],
    "too_many": [b"[" + b",".join([value("X").encode()] * 5000) + b"]"],
}


@pytest.mark.main_path
def test_garbage_on_the_topic_is_skipped_and_counted_by_reason_and_its_neighbours_are_delivered(
    broker, on_topic, client
):
    topic = broker.topic()
    server = on_topic(topic)
    one = client(server)
    one.ask("subscribe", symbols=["*"])
    bad = [data for values in BAD_VALUES.values() for data in values]
    messages = [message for n, data in enumerate(bad, 1) for message in (value("GOOD", n).encode(), data)]
    broker.produce(topic, [*messages, value("GOOD", len(bad) + 1).encode()])
    account = Account(one.trades(len(bad) + 1))
    account.require_all({"GOOD": len(bad) + 1})
    assert [int(tick["id"]) for tick in account.ticks["GOOD"]] == list(range(1, len(bad) + 2))
    metrics = server.metrics()
    counted = {reason: metrics.sum("tapehead_rejected_total", reason=reason) for reason in BAD_VALUES}
    assert counted == {reason: len(values) for reason, values in BAD_VALUES.items()}
    logged = [line for line in server.lines if "offset=1 " in line or line.rstrip().endswith("offset=1")]
    assert any("partition=0" in line for line in logged), server.stderr()


def test_random_messages_on_the_topic_leave_their_neighbours_whole(broker, on_topic, client):
    topic = broker.topic()
    server = on_topic(topic, "--queue-frames", 10000)
    one = client(server)
    one.ask("subscribe", symbols=["GOOD"])
    chance = random.Random(SEED)
    sample = value("X", 123456789, note=[1, {"a": None}]).encode()
    messages = []
    for n in range(1, 2001):
        mutant = bytearray(sample if chance.random() < 0.7 else chance.randbytes(chance.randrange(1, 300)))
        mutant[chance.randrange(len(mutant))] = chance.randrange(256)
        messages += [bytes(mutant[: chance.randrange(1, len(mutant) + 1)]), value("GOOD", n).encode()]
    broker.produce(topic, messages, headers=None)
    account = Account(one.trades(2000))
    account.require_all({"GOOD": 2000})
    assert [int(tick["id"]) for tick in account.ticks["GOOD"]] == list(range(1, 2001)), SEED


TO = ["--brokers", "127.0.0.1:1", "--topic", "t"]


@pytest.mark.parametrize(
    "program, arguments, named",
    [
        ("tapehead", ["--no-such"], "--no-such"),
        ("tapehead", ["-Q"], "-Q"),
        ("tapehead", ["stray"], "stray"),
        ("tapehead", ["--workers"], "--workers"),
        ("tapehead", ["--workers", "many"], "--workers"),
        ("tapehead", ["--workers", "-1"], "--workers"),
        ("tapehead", ["--workers", "99999999999999999999"], "--workers"),
        ("tapehead", ["--source", "sim:", "--listen", "nowhere"], "listen"),
        ("tapehead", ["--source", "sim:", "--listen", "127.0.0.1:99999"], "listen"),
        ("tapehead", ["--source", "sim:", "--listen", ""], "listen"),
        ("tapehead", ["--listen", "127.0.0.1:0", "--source", "tape"], "source"),
        ("tapehead", ["--listen", "127.0.0.1:0", "--source", "sim:rate=fast"], "rate"),
        ("tapehead", ["--listen", "127.0.0.1:0", "--source", "sim:colour=red"], "colour"),
        ("tapehead", ["--listen", "127.0.0.1:0"], "brokers"),
        ("tapehead", ["--listen", "127.0.0.1:0", *TO, "--from", "yesterday"], "from"),
        ("tapehead", ["--listen", "127.0.0.1:0", *TO, "-X", "no.such.property=1"], "no.such.property"),
        ("tapehead", ["--listen", "127.0.0.1:0", *TO, "-X", "nothing"], "-X"),
        ("tapehead", ["--listen", "127.0.0.1:0", *TO, "--log-level", "loud"], "log-level"),
        ("tapehead", ["--config", "/nonexistent"], "/nonexistent"),
        ("tapectl", [], "tapectl"),
        ("tapectl", ["dance"], "dance"),
        ("tapectl", ["gen"], "--brokers"),
        ("tapectl", ["gen", *TO, "--no-such"], "--no-such"),
        ("tapectl", ["gen", *TO, "--rate", "fast"], "--rate"),
        ("tapectl", ["gen", *TO, "--count", "-1"], "--count"),
        ("tapectl", ["gen", *TO, "--format", "xml"], "--format"),
        ("tapectl", ["gen", *TO, "--symbols", "0"], "--symbols"),
        ("tapectl", ["gen", *TO, "stray"], "stray"),
        ("tapectl", ["import", *TO], "FILE"),
        ("tapectl", ["import", "FILE"], "--brokers"),
        ("tapectl", ["import", *TO, "--kind", "xml", "FILE"], "--kind"),
        ("tapectl", ["import", *TO, "--kind", "csv", "--map", "nonsense", "FILE"], "--map"),
        ("tapectl", ["watch"], "URL"),
        ("tapectl", ["watch", "ftp://nowhere", "X"], "ftp://nowhere"),
        ("tapectl", ["watch", "--no-such", "ws://127.0.0.1:1/ws", "X"], "--no-such"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else one,
)
def test_a_usage_error_ends_with_2_and_names_the_option(program, arguments, named):
    done = run(BINARY, *arguments) if program == "tapehead" else tapectl(*arguments)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert named in done.stderr and done.stdout == ""
    assert len(done.stderr) < 2000


def test_random_arguments_never_crash_a_program():
    chance = random.Random(SEED)
    words = ["--workers", "--listen", "--source", "sim:", "sim:rate=", "kafka", "--brokers", "=", "--from", "-5", "--",
             "gen", "import", "watch", "-X", "a=b", "--map", "s=1", "\x01\xff", "%n%s", "A" * 5000, "", "-", "--help="]  # fmt: skip
    for _ in range(40):
        arguments = [chance.choice(words) for _ in range(chance.randrange(1, 6))]
        for program in (BINARY, TAPECTL):
            # The last word makes sure that no program really starts.
            done = run(program, *arguments, "--no-such")
            assert done.returncode in (0, 2), (SEED, arguments, done.returncode, done.stderr)
            assert not REPORTS.search(done.stderr), done.stderr
