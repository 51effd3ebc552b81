# SPDX-License-Identifier: MIT
"""tapectl: files to a topic, row by row and told when not, and a subscription in lines."""

import gzip
import json
import re
import signal
import subprocess

import pytest

from account import Account
from server import TAPECTL, environment, tapectl, wait_for
from trades import as_sent

TRADE = '{"e":"trade","s":"%s","t":%d,"p":"1.50","q":"2.00","T":1723161255342,"m":%s}\n'
CSV = """symbol,price,qty,taker,trade,when
AAA,1.2300,0.50,buy,1,1723161255342123456
"A:B",-4,1e3,sell,2,1723161255342123457
AAA,,1,buy,3,1
BBB,5,6,,,1723161255342123458
"""
MAP = "s=symbol,p=price,q=qty,side=taker,id=trade,t=when"


def values(broker, topic):
    return [json.loads(value) for value in broker.read(topic)]


def imported(broker, topic, *arguments, **options):
    return tapectl("import", "--brokers", broker.address, "--topic", topic, "--format", "json", *arguments, **options)


def test_rows_that_cannot_be_read_are_counted_and_shown_with_their_line_and_the_rest_is_sent(broker, tmp_path):
    path = tmp_path / "trades.jsonl"
    path.write_text(TRADE % ("X", 1, "true") + "nonsense\n" + TRADE % ("X", 2, "false") + TRADE % ("X Y", 3, "true"))
    topic = broker.topic()
    done = imported(broker, topic, path)
    assert [(tick["s"], tick["id"], tick["side"]) for tick in values(broker, topic)] == [
        ("X", "1", "sell"), ("X", "2", "buy"),
    ]  # fmt: skip
    said = done.stdout + done.stderr
    assert "rejected=2" in said and re.search(r"trades\.jsonl:2:", said) and re.search(r"trades\.jsonl:4:", said)
    assert done.returncode == 0
    assert imported(broker, topic, "--strict", path).returncode == 1


@pytest.mark.parametrize("how", ["file", "gzip", "standard input"])
def test_csv_with_a_map_is_read_from_files_compressed_or_not_and_from_standard_input(broker, tmp_path, how):
    topic = broker.topic()
    arguments = ["--kind", "csv", "--map", MAP]
    if how == "standard input":
        done = imported(broker, topic, *arguments, "-", input=CSV, stdin=None)
    else:
        path = tmp_path / ("trades.csv.gz" if how == "gzip" else "trades.csv")
        path.write_bytes(gzip.compress(CSV.encode()) if how == "gzip" else CSV.encode())
        done = imported(broker, topic, *arguments, path)
    assert done.returncode == 0, done.stderr
    sent = [(tick["s"], tick["p"], tick["side"], tick.get("id"), tick["t"]) for tick in values(broker, topic)]
    assert sent == [
        ("AAA", "1.2300", "buy", "1", 1723161255342123456), ("A:B", "-4", "sell", "2", 1723161255342123457),
        ("BBB", "5", "none", None, 1723161255342123458),
    ]  # fmt: skip
    assert "rejected=1" in done.stdout + done.stderr


def test_the_same_seed_sends_the_same_ticks(broker):
    def generated():
        topic = broker.topic()
        done = tapectl("gen", "--brokers", broker.address, "--topic", topic, "--format", "json",
                       "--rate", 0, "--count", 300, "--seed", 42, "--symbols", 7)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [{key: tick[key] for key in "s p q side id".split()} for tick in values(broker, topic)]

    first = generated()
    assert len(first) == 300 and len({tick["s"] for tick in first}) == 7
    assert generated() == first


def test_gen_keeps_to_its_rate_and_stops_cleanly_on_ctrl_c(broker):
    topic = broker.topic()
    process = subprocess.Popen(
        [TAPECTL, "gen", "--brokers", broker.address, "--topic", topic, "--rate", "500", "--format", "json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(3)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    sent = int(re.search(r"sent=(\d+)", stdout + stderr)[1])
    assert sent == len(values(broker, topic))
    assert 500 <= sent <= 3000


@pytest.mark.parametrize("form", ["json", "msgpack"])
@pytest.mark.main_path
def test_watch_prints_a_line_a_tick_and_finds_nothing_missing(broker, on_topic, client, form):
    topic = broker.topic()
    server = on_topic(topic, "--queue-frames", 5000)
    witness = client(server)
    witness.ask("subscribe", symbols=["*"])
    process = subprocess.Popen(
        [TAPECTL, "watch", "--format", form, "--count", "500", "--duration", "60", server.ws, "*"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert wait_for(lambda: server.metrics().sum("tapehead_subscriptions") == 2)
    done = tapectl("gen", "--brokers", broker.address, "--topic", topic, "--rate", 0, "--count", 500, "--symbols", 5)
    assert done.returncode == 0, done.stderr
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    account = Account(witness.trades(500))
    lines = [line for line in stdout.splitlines() if not line.startswith("#")]
    assert len(lines) == 500
    assert not [line for line in stdout.splitlines() if line.startswith(("# hole", "# repeat", "# gap"))]
    seen = {}
    for line in lines:
        symbol, _, price, size, side, ts = line.split()
        seen.setdefault(symbol, []).append((price, size, side, int(ts) * 1000))
    assert seen == {symbol: [tick[:3] + tick[4:] for tick in ticks] for symbol, ticks in as_sent(account).items()}


def test_watch_ends_with_1_when_it_never_connected():
    done = tapectl("watch", "--once", "ws://127.0.0.1:1/ws", "X", timeout=30)
    assert done.returncode == 1 and done.stderr and done.stdout == ""
