# SPDX-License-Identifier: MIT
"""account: what one connection was promised, checked: per symbol, the `seq` received plus the ranges named by gaps is
contiguous, with no hole, no overlap and nothing out of order."""


class Account:
    def __init__(self, messages=()):
        self.first = {}  # symbol: the first seq that was sent or named lost
        self.next = {}  # symbol: the seq that must come next
        self.ticks = {}  # symbol: the trades, in order
        self.gaps = []
        for message in messages:
            self.add(message)

    def add(self, message):
        kind = message["type"]
        if kind == "snapshot":
            self._snapshot(message)
        elif kind == "trade":
            self._advance(message["symbol"], message["seq"], message["seq"], message)
            self.ticks.setdefault(message["symbol"], []).append(message)
        elif kind == "gap":
            assert message["count"] == message["to"] - message["from"] + 1 > 0, message
            self._advance(message["symbol"], message["from"], message["to"], message)
            self.gaps.append(message)

    def _snapshot(self, message):
        symbol, seq = message["symbol"], message["seq"]
        assert symbol not in self.next, f"a snapshot after the first message of its symbol: {message}"
        self.first[symbol] = seq
        self.next[symbol] = seq + 1

    def _advance(self, symbol, begin, end, message):
        self.first.setdefault(symbol, begin)
        expected = self.next.setdefault(symbol, begin)
        assert begin == expected, f"{symbol}: expected seq {expected}, got {message}"
        self.next[symbol] = end + 1

    def last(self):
        """{symbol: the last seq accounted for}"""
        return {symbol: seq - 1 for symbol, seq in self.next.items()}

    def received(self):
        return sum(len(ticks) for ticks in self.ticks.values())

    def lost(self):
        return sum(gap["count"] for gap in self.gaps)

    def require_all(self, last, first=1):
        """The whole tape: every symbol from `first` to its last seq."""
        assert self.last() == last
        assert set(self.first.values()) == {first}, self.first
