# SPDX-License-Identifier: MIT
"""market: a load on a topic whose every tick is known, and the account of a client that comes from the tape to live: which
ticks it must have had, and which `seq` they must have borne.

Of each symbol ids count from 1 by one, event times only go up, and all ticks are in one partition: so that id and position
tell by themselves whether one is missing or came twice. New symbols appear all the time.
"""

import json
import random
import threading
import time
from array import array
from bisect import bisect_left
from collections import defaultdict

import msgpack

SYMBOLS = [f"S{n:02}-USD" for n in range(30)] + [f"T{n}-EUR" for n in range(6)]
BATCH_S, PAUSE_S, NEWS = 0.01, 0.3, 0.01  # what has gathered in a pause is written at once


def matches(patterns, symbol):
    return any(symbol == one or (one.endswith("*") and symbol.startswith(one[:-1])) for one in patterns)


class Load:
    """Writes to a topic's partitions until stopped: single ticks and arrays, JSON and msgpack."""

    def __init__(self, broker, topic, partitions, rate, seed):
        self.broker, self.topic, self.partitions, self.rate = broker, topic, partitions, rate
        self.dice = random.Random(seed)
        self.times = defaultdict(lambda: array("q"))  # by id - 1
        self.places = defaultdict(list)  # the same: its "partition:offset", once it is stored
        self.symbols = [SYMBOLS[partition::partitions] for partition in range(partitions)]
        self.news = 0
        self.failures = []
        self.last_ns = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _tick(self, symbol):
        self.last_ns = max(time.time_ns(), self.last_ns + 1)
        self.times[symbol].append(self.last_ns)
        trade_id, digits = len(self.times[symbol]), self.dice.randrange(10**9)
        return {"s": symbol, "p": f"{digits // 10**4}.{digits % 10**4:04}", "q": f"0.{digits % 10**6:06}0",
                "side": "buy" if digits % 2 else "sell", "id": trade_id, "t": self.last_ns}  # fmt: skip

    def _message(self, producer):
        """Returns how many ticks were written."""
        partition, count = self.dice.randrange(self.partitions), self.dice.choice([1, 1, 1, 1, 3, 8])
        if self.dice.random() < NEWS:
            self.news += 1  # it takes the place of one that has traded
            self.symbols[partition][-1] = f"N{self.news}-NEW"
        symbols = self.dice.choices(self.symbols[partition], k=count)
        held = [self._tick(symbol) for symbol in symbols]
        raw = (msgpack.packb if self.dice.random() < 0.5 else json.dumps)(held if count > 1 else held[0])

        def stored(error, message):
            if error:
                self.failures.append(error)
            for index, symbol in enumerate(symbols):
                self.places[symbol].append(f"{partition}:{message.offset()}" + (f":{index}" if index else ""))

        producer.produce(self.topic, raw, partition=partition, on_delivery=stored)
        return count

    def _run(self):
        producer, written, begun = self.broker.producer(**{"linger.ms": 1}), 0, time.monotonic()
        while not self.stopping.wait(PAUSE_S if self.dice.random() < 0.05 else BATCH_S):
            while written < (time.monotonic() - begun) * self.rate:
                written += self._message(producer)
            producer.poll(0)
        if producer.flush(30):
            self.failures.append("not all was stored")

    def stop(self):
        self.stopping.set()
        self.thread.join()
        assert not self.failures, self.failures[:3]

    def count(self):
        return sum(len(places) for places in list(self.places.values()))

    def counts(self, patterns):
        """{symbol: its last id so far} of those that match."""
        return {symbol: len(times) for symbol, times in list(self.times.items()) if matches(patterns, symbol)}

    def first_since(self, symbol, since_ns):
        """The id of the symbol's first tick of that time or later: one that is yet to come where there is none."""
        return bisect_left(self.times[symbol], since_ns) + 1

    def place(self, symbol, trade_id):
        while len(self.places[symbol]) < trade_id:  # it is stored, for it was received, but we aren't told yet
            time.sleep(0.001)
        return self.places[symbol][trade_id - 1]


class Witness:
    """An ordinary subscriber to everything, from before the first tick on: the `seq` that it is told of a tick is its id, since
    both count from 1; so is everybody else's."""

    def __init__(self, client, load):
        self.client, self.load = client, load
        self.next = defaultdict(lambda: 1)
        self.problem = None
        self.stopping = False
        client.ask("subscribe", symbols=["*"])
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            while not self.stopping:
                self.take(self.client.next())
                self.client.messages.clear()
        except Exception as problem:  # told by stop(), whatever it is
            self.problem = problem

    def take(self, message):
        if message["type"] in ("trade", "snapshot"):
            symbol, trade_id = message["symbol"], int(message["id"])
            assert trade_id == message["seq"] == self.next[symbol], (message, self.next[symbol])
            assert message["pos"] == self.load.place(symbol, trade_id), message
            self.next[symbol] += 1
        assert message["type"] != "gap", message

    def count(self):
        """How many ticks it has had, all of them right."""
        if self.problem:
            raise AssertionError("the live subscriber beside the replays") from self.problem
        nexts = list(self.next.values())
        return sum(nexts) - len(nexts)

    def stop(self):
        self.stopping = True
        self.thread.join()
        assert self.count()


CHANGES = {(None, "playing"), ("playing", "paused"), ("paused", "playing"), ("playing", "live")}
SAME = ("symbol", "pos", "price", "size", "side", "id", "ts_ns")


class Joined:
    """What one client was sent, from the first tick replayed to the last one live."""

    def __init__(self, load, patterns, since_ns):
        self.load, self.patterns, self.since_ns = load, patterns, since_ns
        self.first, self.next = {}, {}  # ids
        self.last = {}  # symbol: the last tick replayed
        self.live = set()  # symbols whose live account has begun
        self.replayed, self.lived = 0, 0
        self.state = None

    def take(self, message):
        kind = message["type"]
        if kind == "trade" and self.state != "live":
            self._replayed(message)
        elif kind == "trade":
            self._live(message)
        elif kind == "snapshot":
            self._snapshot(message)
        elif kind == "replay":
            self._told(message)
        else:
            assert kind in ("replaying", "heartbeat") or message.get("code") == "no_replay", message

    def expected(self, symbol):
        """The id that comes next of the symbol."""
        if symbol not in self.next:
            assert matches(self.patterns, symbol), symbol
            self.first[symbol] = self.next[symbol] = self.load.first_since(symbol, self.since_ns)
        return self.next[symbol]

    def _follows(self, message):
        symbol, trade_id = message["symbol"], int(message["id"])
        assert trade_id == self.expected(symbol), f"expected id {self.next[symbol]} (first {self.first[symbol]}), got {message}"
        assert message["pos"] == self.load.place(symbol, trade_id), message
        self.next[symbol] += 1

    def _replayed(self, message):
        symbol = message["symbol"]
        assert self.state == "playing", message
        self._follows(message)
        assert message["seq"] == self.next[symbol] - self.first[symbol], message
        self.last[symbol] = message
        self.replayed += 1

    def _told(self, message):
        assert (self.state, message["state"]) in CHANGES, (self.state, message)
        assert message["ticks"] == self.replayed, (self.replayed, message)
        self.state = message["state"]

    def _snapshot(self, message):
        symbol, trade_id = message["symbol"], int(message["id"])
        assert self.state == "live" and symbol not in self.live, message
        last = self.last.get(symbol)
        if last:
            assert [last[key] for key in SAME] == [message[key] for key in SAME], (last, message)
        else:  # the replay had none of it: it is one from before, and what follows on it is live
            assert trade_id < self.expected(symbol), (self.next[symbol], message)
            self.next[symbol] = trade_id + 1
        assert message["seq"] == trade_id, message
        self.live.add(symbol)

    def _live(self, message):
        symbol = message["symbol"]
        if symbol not in self.live:  # without a snapshot only what nobody had heard of
            assert matches(self.patterns, symbol) and symbol not in self.last and message["seq"] == 1, message
            self.first[symbol] = self.next[symbol] = 1
            self.live.add(symbol)
        self._follows(message)
        assert message["seq"] == int(message["id"]), message
        self.lived += 1

    def __repr__(self):
        return f"{self.state}, {self.replayed} replayed, {self.lived} live, without live: {self.last.keys() - self.live}, next: {self.next}"

    def has_all(self, until):
        """Whether what was replayed has gone over to live, and of each symbol the ticks up to that id are there."""
        return self.last.keys() <= self.live and all(self.expected(symbol) > last for symbol, last in until.items())
