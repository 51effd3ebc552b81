# SPDX-License-Identifier: MIT
"""clients: WebSocket clients that are not ours, Python's `websockets` and node's `ws`, in both subprotocols.

Whatever the format, a message is a dict in the shape of the JSON one; ticks carry `ts_ns` and `rts_ns` beside it, exact
in the unit of their format.
"""

import json
import os
import queue
import subprocess
import threading
import time
from urllib.parse import urlsplit

import msgpack
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from kafka import DEPS
from server import ROOT
from tls import Shared

NODE = ROOT / "tests/e2e/node"
SIDES = ["none", "buy", "sell"]
KINDS = {1: "trade", 2: "snapshot"}


def decimal_text(mantissa, exponent):
    """The digits of mantissa * 10^exponent, as decimal_print() writes them."""
    sign, digits = "-" * (mantissa < 0), str(abs(mantissa))
    if exponent >= 0:
        return sign + (digits + "0" * exponent if mantissa else "0" * (exponent + 1))
    digits = digits.zfill(1 - exponent)
    return f"{sign}{digits[:exponent]}.{digits[exponent:]}"


def from_array(array):
    """A tick's msgpack array, see the table in the protocol."""
    assert len(array) in (13, 14), array
    kind, symbol, seq, partition, offset, price, price_exp, size, size_exp, side, trade_id, ts, rts, *index = array
    message = {
        "type": KINDS[kind], "symbol": symbol, "seq": seq,
        "pos": ":".join(str(part) for part in (partition, offset, *index)),
        "price": decimal_text(price, price_exp), "size": decimal_text(size, size_exp), "side": SIDES[side],
        "ts": ts // 1000, "rts": rts // 1000, "ts_ns": ts, "rts_ns": rts,
    }  # fmt: skip
    if trade_id is not None:
        message["id"] = str(trade_id)
    return message


def from_json(message):
    if message["type"] in ("trade", "snapshot"):
        message["ts_ns"], message["rts_ns"] = message["ts"] * 1000, message["rts"] * 1000
    return message


def decode(data):
    if isinstance(data, str):
        return from_json(json.loads(data))
    return unpacked(msgpack.unpackb(data))


def unpacked(value):
    return from_array(value) if isinstance(value, list) else value


class Closed(Exception):
    def __init__(self, code, reason):
        super().__init__(f"closed with {code} {reason!r}")
        self.code = code
        self.reason = reason


class Client:
    """Python's `websockets`. Everything received is kept in `messages`, in order, and as sent in `raw`."""

    def __init__(self, url, form="json", subprotocol=True, welcome=True, keep_raw=False, **options):
        self.form = form
        self.messages = []
        self.raw = [] if keep_raw else None
        protocols = [f"tapehead.{form}"] if subprotocol else None
        # Without a bound to its queue it reads on by itself, so that a close isn't kept waiting by what nobody asked for.
        options = {"compression": None, "max_size": None, "max_queue": None, "ping_interval": None,
                   "open_timeout": 20, "close_timeout": 5, **options}  # fmt: skip
        if secure := options.pop("ssl", None):
            options["sock"] = Shared(urlsplit(url).port, secure)
            url = url.replace("wss:", "ws:")
        self.socket = connect(url, subprotocols=protocols, legacy=True, **options)
        self.welcome = self.next() if welcome else None

    def send(self, op=None, **fields):
        message = {"op": op, **fields} if op else fields
        self.socket.send(msgpack.packb(message) if self.form == "msgpack" else json.dumps(message))

    def send_raw(self, data):
        self.socket.send(data)

    def next(self, timeout=20):
        try:
            data = self.socket.recv(timeout)
        except ConnectionClosed as closed:
            received = closed.rcvd
            raise Closed(received.code if received else 1006, received.reason if received else "") from None
        if self.raw is not None:
            self.raw.append(data)
        message = decode(data)
        self.messages.append(message)
        return message

    def until(self, kind, timeout=20, **fields):
        """Reads on until a message of this type with these fields; it is the return value."""
        end = time.monotonic() + timeout
        while True:
            message = self.next(max(0.001, end - time.monotonic()))
            if message["type"] == kind and all(message.get(key) == value for key, value in fields.items()):
                return message

    def ask(self, op, timeout=20, **fields):
        """Sends a command and reads on until its answer: the next message that isn't market data or a heartbeat."""
        self.send(op, **fields)
        return self.answer(timeout)

    def answer(self, timeout=20):
        end = time.monotonic() + timeout
        while True:
            message = self.next(max(0.001, end - time.monotonic()))
            if message["type"] not in ("trade", "snapshot", "gap", "heartbeat"):
                return message

    def trades(self, count, timeout=60):
        """Reads on until that many trades were received or named lost in all, and returns all messages so far."""
        end = time.monotonic() + timeout
        have = sum(weight(message) for message in self.messages)
        while have < count:
            have += weight(self.next(max(0.001, end - time.monotonic())))
        return self.messages

    def more(self, count, timeout=60):
        """Reads on for so many more trades, and returns the messages that came."""
        mark = len(self.messages)
        self.trades(sum(weight(message) for message in self.messages) + count, timeout)
        return self.messages[mark:]

    def drain(self, seconds):
        """Whatever comes within that time."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self.next(left)
        except TimeoutError:
            pass
        return self.messages

    def closing(self, timeout=20):
        """Reads on until the server closes; returns its Closed."""
        end = time.monotonic() + timeout
        try:
            while True:
                self.next(max(0.001, end - time.monotonic()))
        except Closed as closed:
            return closed

    def send_until_closed(self, op, count):
        """Sends a command again and again, whether or not anybody listens still; returns the server's Closed."""
        try:
            for n in range(count):
                self.send(op, id=n)
        except ConnectionClosed:
            pass
        return self.closing()

    def of(self, kind):
        return [message for message in self.messages if message["type"] == kind]

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def weight(message):
    return {"trade": 1, "gap": message.get("count", 0)}.get(message["type"], 0)


class Script:
    """One of the node scripts: its standard output line by line, its standard input for words to it."""

    def __init__(self, name, *arguments):
        self.process = subprocess.Popen(
            ["node", str(NODE / name), *(str(argument) for argument in arguments)],
            env={**os.environ, "NODE_PATH": str(DEPS / "node/node_modules")},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines = queue.SimpleQueue()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def line(self, timeout=60):
        """The next line as a value; None at the end."""
        line = self.lines.get(timeout=timeout)
        return None if line is None else json.loads(line)

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()


class NodeClient(Script):
    """node's `ws`: subscribes at once and ends itself after `count` trades."""

    def __init__(self, url, form, count, symbols=("*",)):
        super().__init__("listen.cjs", url, form, count, ",".join(symbols))
        self.form = form
        self.messages = []
        while not self.messages or self.messages[-1]["type"] != "subscribed":
            self._next(20)

    def _next(self, timeout):
        value = self.line(timeout)
        assert value is not None, f"node ended after {len(self.messages)} messages"
        self.messages.append(from_json(value) if isinstance(value, dict) else from_array(value))

    def trades(self, count, timeout=60):
        have = sum(weight(message) for message in self.messages)
        while have < count:
            self._next(timeout)
            have += weight(self.messages[-1])
        return self.messages


class Crowd(Script):
    """Many of node's `ws` in one process, each of which keeps account of its own ticks; see crowd.cjs for the words."""

    def __init__(self, url, count, symbols="*", form="json", timeout=60):
        super().__init__("crowd.cjs", url, count, symbols, form)
        value = self.line(timeout)
        assert value == {"subscribed": count}, value

    def summary(self, timeout=60):
        """How it ended for all: {"closed": {code: n}, "shutdown": n, "trades": n, "lost": n, "holes": […]}."""
        value = self.line(timeout)
        assert value is not None, "the crowd ended without a summary"
        return value

    def leave(self, timeout=60):
        self.say("leave")
        return self.summary(timeout)
