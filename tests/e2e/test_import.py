# SPDX-License-Identifier: MIT
"""tapectl import: what each venue's files say, in a topic, tick by tick and digit by digit."""

import gzip
import json
import re
import struct
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from server import TAPECTL, run, tapectl

STREAM = """\
1723161254087896568 {"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":1,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true}}
"""
TRADES = "1,61837.63000000,0.02000000,1236.75260000,1723161255342,True,True\n2,61837.64,1,61837.64,1735689600123456,False,True\n"
FUTURES = "id,price,qty,quote_qty,time,is_buyer_maker\n1,61837.6,0.020,1236.752,1723161255342,true\n"
AGGREGATES = "9,61837.63000000,0.02000000,100,103,1723161255342,false,true\n"
EXCHANGE = """\
{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD"]}]}
{"type":"last_match","trade_id":10,"maker_order_id":"a","taker_order_id":"b","side":"sell","size":"0.50","price":"400.230","product_id":"BTC-USD","sequence":1,"time":"2014-11-07T08:19:27.028459Z"}
{"type":"match","trade_id":11,"maker_order_id":"a","taker_order_id":"b","side":"buy","size":"5.23512","price":"400.23","product_id":"BTC-USD","sequence":2,"time":"2014-11-07T08:19:28.000000Z"}
"""
ADVANCED = """\
1675974199000000000 {"channel":"market_trades","client_id":"","timestamp":"2023-02-09T20:19:35.39625135Z","sequence_num":0,"events":[{"type":"update","trades":[{"trade_id":"12","product_id":"ETH-USD","price":"1260.01","size":"0.3","side":"BUY","time":"2019-08-14T20:42:27.265Z"},{"trade_id":"13","product_id":"ETH-USD","price":"1260.02","size":"0.1","side":"SELL","time":"2019-08-14T20:42:27.266Z"}]}]}
"""
KRAKEN_1 = """\
{"event":"systemStatus","status":"online"}
[337,[["5541.20000","0.15850568","1534614057.321597","s","l",""],["6060.00000","0.02455000","1534614057.324998","b","m",""]],"trade","XBT/USD"]
"""
KRAKEN_2 = """\
{"method":"subscribe","success":true}
{"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"buy","price":0.5147000,"qty":6423.46326,"ord_type":"limit","trade_id":4665846,"timestamp":"2023-09-25T07:48:36.925533Z"},{"symbol":"MATIC/USD","side":"sell","price":0.1,"qty":9007199254740993,"ord_type":"limit","trade_id":4665847,"timestamp":"2023-09-25T07:49:36.925603Z"}]}
"""

# name of the file, its content, --kind, what is sent: (s, p, q, side, id, t)
FILES = {
    "binance": ("trades.jsonl", STREAM, [("BTCUSDT", "61837.63000000", "0.02000000", "sell", "1", 1723161255342000000)]),
    "binance-trades-csv": (
        "BTCUSDT-trades-2024-08-09.csv", TRADES, [
            ("BTCUSDT", "61837.63000000", "0.02000000", "sell", "1", 1723161255342000000),
            ("BTCUSDT", "61837.64", "1", "buy", "2", 1735689600123456000),
        ],
    ),
    "binance-aggtrades-csv": (
        "BTCUSDT-aggTrades-2024-08-09.csv", AGGREGATES,
        [("BTCUSDT", "61837.63000000", "0.02000000", "buy", "9", 1723161255342000000)],
    ),
    "coinbase": (
        "matches.jsonl", EXCHANGE + ADVANCED, [
            ("BTC-USD", "400.230", "0.50", "buy", "10", 1415348367028459000),
            ("BTC-USD", "400.23", "5.23512", "sell", "11", 1415348368000000000),
            ("ETH-USD", "1260.01", "0.3", "sell", "12", 1565815347265000000),
            ("ETH-USD", "1260.02", "0.1", "buy", "13", 1565815347266000000),
        ],
    ),
    "kraken": (
        "kraken.jsonl", KRAKEN_1 + KRAKEN_2, [
            ("XBT/USD", "5541.20000", "0.15850568", "sell", None, 1534614057321597000),
            ("XBT/USD", "6060.00000", "0.02455000", "buy", None, 1534614057324998000),
            ("MATIC/USD", "0.5147000", "6423.46326", "buy", "4665846", 1695628116925533000),
            ("MATIC/USD", "0.1", "9007199254740993", "sell", "4665847", 1695628176925603000),
        ],
    ),
}  # fmt: skip


def imported(broker, topic, *arguments, **options):
    return tapectl("import", "--brokers", broker.address, "--topic", topic, "--format", "json", *arguments, **options)


def sent(broker, topic):
    ticks = [json.loads(value) for value in broker.read(topic)]
    return [(tick["s"], tick["p"], tick["q"], tick["side"], tick.get("id"), tick["t"]) for tick in ticks]


@pytest.mark.parametrize("told", [False, True], ids=["guessed", "told"])
@pytest.mark.parametrize("kind", FILES)
def test_each_venues_file_is_sent_exactly(broker, tmp_path, kind, told):
    name, content, ticks = FILES[kind]
    path = tmp_path / name
    path.write_text(content)
    topic = broker.topic()
    done = imported(broker, topic, "--strict", *(["--kind", kind] if told else []), path)
    assert done.returncode == 0, done.stderr
    assert sent(broker, topic) == ticks


def test_files_of_several_venues_are_sent_by_one_command_in_their_order(broker, tmp_path):
    wanted = []
    paths = []
    for name, content, ticks in FILES.values():
        paths.append(tmp_path / f"{name}.gz")
        paths[-1].write_bytes(gzip.compress(content.encode()))
        wanted += ticks
    topic = broker.topic()
    done = imported(broker, topic, "--strict", *paths)
    assert done.returncode == 0, done.stderr
    assert sent(broker, topic) == wanted


def test_a_symbol_may_be_given_where_the_files_name_has_none(broker, tmp_path):
    path = tmp_path / "futures.csv"
    path.write_text(FUTURES)
    topic = broker.topic()
    done = imported(broker, topic, path)
    assert done.returncode == 1 and "--symbol" in done.stderr and str(path) in done.stderr
    done = imported(broker, topic, "--symbol", "BTC-PERP", path)
    assert done.returncode == 0, done.stderr
    done = imported(broker, topic, "--symbol", "BTC-PERP", "-", input=FUTURES, stdin=None)
    assert done.returncode == 0, done.stderr
    assert sent(broker, topic) == [("BTC-PERP", "61837.6", "0.020", "sell", "1", 1723161255342000000)] * 2


@pytest.mark.parametrize("kind", FILES)
def test_a_bad_line_is_named_by_its_place_and_costs_nothing_else(broker, tmp_path, kind):
    name, content, ticks = FILES[kind]
    path = tmp_path / name
    lines = content.splitlines()
    bad = '{"nonsense"' if "csv" not in kind else "nonsense,1"
    path.write_text("\n".join([*lines[:1], bad, *lines[1:]]) + "\n")
    topic = broker.topic()
    done = imported(broker, topic, "--kind", kind, path)
    assert done.returncode == 0
    assert sent(broker, topic) == ticks
    assert re.search(rf"^{re.escape(str(path))}:2: .*", done.stderr, re.MULTILINE)
    assert "rejected=1" in done.stdout
    assert imported(broker, topic, "--strict", "--kind", kind, path).returncode == 1


class Itch:
    """A file of ITCH 5.0, message by message."""

    def __init__(self):
        self.bytes = bytearray()
        self.clock = 34200 * 10**9

    def message(self, kind, locate, *fields):
        self.clock += 1001
        body = kind.encode() + struct.pack(">HHHI", locate, 0, self.clock >> 32, self.clock & 0xFFFFFFFF)
        for form, value in fields:
            body += struct.pack(">" + form, value.encode().ljust(int(form[:-1] or 1)) if isinstance(value, str) else value)
        self.bytes += struct.pack(">H", len(body)) + body
        return self.clock

    def directory(self, locate, stock):
        self.message("R", locate, ("8s", stock), ("20s", "Q N"))

    def add(self, locate, ref, side, shares, stock, price, kind="A"):
        attribution = [("4s", "GSCO")] if kind == "F" else []
        self.message(kind, locate, ("Q", ref), ("1s", side), ("I", shares), ("8s", stock), ("I", price), *attribution)

    def execute(self, locate, ref, shares, match):
        return self.message("E", locate, ("Q", ref), ("I", shares), ("Q", match))

    def execute_at(self, locate, ref, shares, match, printable, price):
        return self.message("C", locate, ("Q", ref), ("I", shares), ("Q", match), ("1s", printable), ("I", price))

    def cancel(self, locate, ref, shares):
        self.message("X", locate, ("Q", ref), ("I", shares))

    def delete(self, locate, ref):
        self.message("D", locate, ("Q", ref))

    def replace(self, locate, ref, new, shares, price):
        self.message("U", locate, ("Q", ref), ("Q", new), ("I", shares), ("I", price))

    def hidden(self, locate, stock, shares, price, match):
        return self.message("P", locate, ("Q", 0), ("1s", "B"), ("I", shares), ("8s", stock), ("I", price), ("Q", match))


def midnight(*date):
    return int(datetime(*date, tzinfo=ZoneInfo("America/New_York")).timestamp()) * 10**9


def session(day):
    """A short day: its bytes, and the ticks in it."""
    file = Itch()
    file.message("S", 0, ("1s", "O"))
    file.directory(7, "AAPL")
    file.directory(8, "BAC+A")
    file.add(7, 1, "B", 100, "AAPL", 3214500)
    file.add(8, 2, "S", 50, "BAC+A", 12, kind="F")
    first = file.execute(7, 1, 40, 9001)
    second = file.execute_at(8, 2, 20, 9002, "Y", 11)
    file.execute_at(8, 2, 10, 9003, "N", 11)
    file.cancel(8, 2, 20)
    file.replace(7, 1, 3, 70, 3214600)
    third = file.execute(7, 3, 70, 9004)
    fourth = file.hidden(7, "AAPL", 300, 3214550, 2**63 + 1)
    file.add(7, 4, "S", 1, "AAPL", 1)
    file.delete(7, 4)
    file.message("Q", 7, ("Q", 1000), ("8s", "AAPL"), ("I", 3214500), ("Q", 9005), ("1s", "C"))
    return bytes(file.bytes), [
        ("AAPL", "321.4500", "40", "sell", "9001", day + first),
        ("BAC/WSA", "0.0011", "20", "buy", "9002", day + second),
        ("AAPL", "321.4600", "70", "sell", "9004", day + third),
        ("AAPL", "321.4550", "300", "none", str(2**63 + 1), day + fourth),
    ]


@pytest.mark.parametrize("name", ["01302020.NASDAQ_ITCH50.gz", "S013020-v50.txt", "07302019.NASDAQ_ITCH50", "day.bin"])
def test_itch_executions_have_their_orders_price_and_stock(broker, tmp_path, name):
    summer = name.startswith("07")
    day = midnight(2019, 7, 30) if summer else midnight(2020, 1, 30)
    content, ticks = session(day)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    topic = broker.topic()
    if name == "day.bin":
        done = imported(broker, topic, path)
        assert done.returncode == 1 and "--date" in done.stderr and str(path) in done.stderr
        done = imported(broker, topic, "--strict", "--date", "2020-01-30", path)
    else:
        done = imported(broker, topic, "--strict", path)
    assert done.returncode == 0, done.stderr
    assert sent(broker, topic) == ticks
    assert "itch messages=15 trades=4 unprintable=1 crosses=1 broken=0" in done.stdout


def test_bad_itch_messages_are_named_by_number_and_byte_and_cost_nothing_else(broker, tmp_path):
    content, ticks = session(midnight(2020, 1, 30))
    path = tmp_path / "01302020.NASDAQ_ITCH50"
    path.write_bytes(content[:14] + b"\0\3zzz" + content[14:] + b"\0\x13D")
    topic = broker.topic()
    done = imported(broker, topic, path)
    assert sent(broker, topic) == ticks
    assert f"{path}:message 2 at byte 14: type 0x7a is none of ITCH 5.0's" in done.stderr
    assert f"{path}: the file ends within message 17 at byte {len(content) + 5}" in done.stderr
    assert "rejected=1" in done.stdout and done.returncode == 1


def test_a_compressed_file_cut_short_is_told_after_what_it_holds(broker, tmp_path):
    content, ticks = session(midnight(2020, 1, 30))
    path = tmp_path / "01302020.NASDAQ_ITCH50.gz"
    path.write_bytes(gzip.compress(content)[:-12])
    topic = broker.topic()
    done = imported(broker, topic, path)
    assert done.returncode == 1
    assert re.search(rf"can't read on in {path} after byte [1-9]\d*: the compressed data is cut short", done.stderr)
    assert ticks[:1] == sent(broker, topic)[:1]


def test_itch_orders_beyond_the_bound_are_told_with_the_setting_that_raises_it(broker, tmp_path):
    file = Itch()
    file.directory(7, "AAPL")
    for ref in range(3):
        file.add(7, ref, "B", 1, "AAPL", 10000)
    for ref in range(3):
        file.execute(7, ref, 1, ref)
    path = tmp_path / "01302020.NASDAQ_ITCH50"
    path.write_bytes(file.bytes)
    topic = broker.topic()
    done = imported(broker, topic, "--orders-max", 2, path)
    assert re.search(r"message 4 at byte \d+: A: order 2 is one too many: 2 are open; raise --orders-max", done.stderr)
    assert re.search(r"message 7 at byte \d+: E: order 2 is not open", done.stderr)
    assert [tick[4] for tick in sent(broker, topic)] == ["0", "1"] and "rejected=2" in done.stdout


def test_itch_is_read_in_constant_memory(broker, tmp_path, figure):
    """Two files of the same orders, one twenty times the other's length: both take what the table takes."""
    block = Itch()
    block.directory(7, "AAPL")
    start = len(block.bytes)
    for ref in range(20000):
        block.add(7, ref, "B", 100, "AAPL", 10000)
        block.cancel(7, ref, 50)
        block.replace(7, ref, ref + 2**40, 100, 10001)
        block.delete(7, ref + 2**40)
    block.execute(7, 1, 1, 1)
    peaks = []
    for times in (2, 40):
        path = tmp_path / f"01302020.NASDAQ_ITCH50.{times}"
        path.write_bytes(block.bytes[:start] + block.bytes[start:] * times)
        began = time.monotonic()
        done = run("/usr/bin/python3", "-c", MEASURE, TAPECTL, "import", "--brokers", broker.address, "--topic", broker.topic(),
                   "--rejects", 0, path, timeout=120)  # fmt: skip
        seconds = time.monotonic() - began
        assert f"itch messages={80001 * times + 1} " in done.stdout, done.stderr
        peaks.append(int(done.stdout.splitlines()[-1]))
        path.unlink()
    assert peaks[1] < peaks[0] + 4096, peaks
    figure(f"import: {80001 * 40 / seconds / 1e6:.1f} million ITCH messages a second, peak {peaks[1] >> 10} MiB")


MEASURE = """\
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_a_zip_archive_is_told_how_to_be_unpacked(broker, tmp_path):
    path = tmp_path / "BTCUSDT-trades-2024-08-09.zip"
    path.write_bytes(b"PK\3\4" + bytes(100))
    done = imported(broker, broker.topic(), path)
    assert done.returncode == 1 and "unzip -p" in done.stderr and str(path) in done.stderr


@pytest.mark.parametrize(
    "arguments,named",
    [
        (["--kind", "xml"], "--kind"), (["--date", "2020-02-30"], "--date"), (["--orders-max", "0"], "--orders-max"),
        (["--symbol", "B TC"], "--symbol"),
    ],
)  # fmt: skip
def test_wrong_settings_are_named_before_anything_is_sent(arguments, named):
    done = tapectl("import", "--brokers", "127.0.0.1:1", "--topic", "t", *arguments, "-")
    assert done.returncode == 2 and named in done.stderr
