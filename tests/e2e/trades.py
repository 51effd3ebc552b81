# SPDX-License-Identifier: MIT
"""trades: what is put into a topic, and what therefore must come out: the recorded trades beside the checkout, and ticks
made up for a test."""

import gzip
import json

from server import ROOT

RECORDED = ROOT.parent / "shared/data/binance-spot-trades.jsonl.gz"

EXACT = ("price", "size", "side", "id", "ts_ns")


class Tape:
    """What was sent, per symbol in order: {symbol: [(price, size, side, id, ts_ns), …]}."""

    def __init__(self):
        self.path = None
        self.symbols = {}

    @classmethod
    def recorded(cls):
        """Binance's own words, read by no code of ours; None where the file is absent."""
        if not RECORDED.exists():
            return None
        tape = cls()
        tape.path = RECORDED
        with gzip.open(RECORDED, "rt") as lines:
            for line in lines:
                trade = json.loads(line.split(" ", 1)[1])["data"]
                side = "sell" if trade["m"] else "buy"
                tape.add(trade["s"], trade["p"], trade["q"], side, trade["t"], trade["T"] * 1000000)
        return tape

    @classmethod
    def of_topic(cls, broker, topic):
        """What a topic holds of JSON values, one tick each."""
        tape = cls()
        for value in broker.read(topic):
            tick = json.loads(value)
            tape.add(tick["s"], tick["p"], tick["q"], tick["side"], tick["id"], tick["t"])
        return tape

    def add(self, symbol, price, size, side, trade_id, ts_ns):
        self.symbols.setdefault(symbol, []).append((price, size, side, str(trade_id), ts_ns))

    def count(self):
        return sum(len(ticks) for ticks in self.symbols.values())

    def last(self):
        """{symbol: its last seq}"""
        return {symbol: len(ticks) for symbol, ticks in self.symbols.items()}


def as_sent(account):
    """What a client received, in the shape of Tape.symbols."""
    return {
        symbol: [tuple(tick.get(field) for field in EXACT) for tick in ticks] for symbol, ticks in account.ticks.items()
    }


def positions(account):
    return {symbol: [(tick["seq"], tick["pos"]) for tick in ticks] for symbol, ticks in account.ticks.items()}


def value(symbol, n=1, price="100.50", size="2", side="buy", t=1723161255342123456, **more):
    """A Kafka value of one tick, as JSON."""
    return json.dumps({"s": symbol, "p": price, "q": size, "side": side, "id": n, "t": t, **more})
