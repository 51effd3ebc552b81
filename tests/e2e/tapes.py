# SPDX-License-Identifier: MIT
"""tapes: what replays over the wire are judged by: capture files made up for a test, what their ticks must look like to a
client, and a client that reads as fast as a replay goes."""

import hashlib
import json
import time
import zlib
from collections import deque

import msgpack
import zstandard

import tape
from account import Account
from clients import Client, Closed, decimal_text, decode
from raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Raw, inflated
from server import TRUSTING, tapectl

MAGIC = b"\x54\x2a\x4d\x18"
MS, SECOND = 10**6, 10**9
BASE = 1723161255342123456  # an instant of August 2024, odd to the last nanosecond

# ---- capture files ----


def tick(symbol, offset, t, r=None, partition=0, index=0, topic="sim", price=(10050, -2), side="buy"):
    """As schemas/tape.md shows it; its id is its offset."""
    pos = [topic, partition, offset, index] if index else [topic, partition, offset]
    return {"s": symbol, "p": list(price), "q": [2, 0], "side": side, "id": offset, "t": t, "r": t if r is None else r, "pos": pos}


def evenly(count, symbols=("A", "B"), every_ns=MS, start=BASE, lag_ns=0):
    """Ticks of the symbols in turn, one each `every_ns`, received `lag_ns` later."""
    return [tick(symbols[n % len(symbols)], n, start + n * every_ns, start + n * every_ns + lag_ns) for n in range(count)]




def _crc(data):
    return zlib.crc32(data).to_bytes(4, "little")


def _block(ticks, places, topics, at, number, before):
    data = b"".join(msgpack.packb(one) for one in ticks)
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(data)
    names = b"".join(bytes([len(name)]) + name.encode() for name in topics)
    partitions = b"".join(
        (topics.index(topic) * 4096 + partition).to_bytes(2, "little") + index.to_bytes(2, "little") + offset.to_bytes(8, "little")
        for (topic, partition), (offset, index) in places.items()
    )  # fmt: skip
    times = [bound(one[key] for one in ticks) for key in "tr" for bound in (min, max)]
    body = b"TAPE" + (1).to_bytes(2, "little") + b"B\0"
    body += b"".join(value.to_bytes(8, "little") for value in (at, number, before))
    body += b"".join(value.to_bytes(4, "little") for value in (len(ticks), len(data), len(packed))) + _crc(packed)
    body += b"".join(value.to_bytes(8, "little", signed=True) for value in times)
    body += len({one["s"] for one in ticks}).to_bytes(4, "little")
    body += len(topics).to_bytes(2, "little") + len(places).to_bytes(2, "little")
    body += len(names).to_bytes(4, "little") + bytes(4) + names + partitions
    head = MAGIC + (len(body) + 4).to_bytes(4, "little") + body
    return head + _crc(head) + packed


def write(path, ticks, block=500):
    """A capture file by what schemas/tape.md says, as it stands while its writer is alive: without an index."""
    topics = sorted({one["pos"][0] for one in ticks})
    places, data = {}, b""
    for number, first in enumerate(range(0, len(ticks), block)):
        some = ticks[first : first + block]
        for one in some:
            topic, partition, offset, *_ = one["pos"]
            places[topic, partition] = (offset + 1, 0)
        data += _block(some, places, topics, len(data), number, first)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def generated(folder, count, symbols=40, name="made"):
    """A file of simulated ticks, by tapectl; they are the return value."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-000001.tape"
    done = tapectl("gen", "--tape", path, "--count", count, "--symbols", symbols)
    assert done.returncode == 0, done.stderr
    return list(tape.ticks(path))


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


# ---- what a client must be told ----


def told(ticks, form="json", topics=()):
    """The rows of these ticks as a client of that format must get them. JSON tells times in whole microseconds."""
    unit = 1000 if form == "json" else 1
    rows = []
    for one in ticks:
        topic, partition, *offset_index = one["pos"]
        partition += 4096 * (topics.index(topic) if topic in topics else 0)
        trade_id = str(one["id"]) if "id" in one else None
        rows.append((one["s"], ":".join(map(str, (partition, *offset_index))), decimal_text(*one["p"]), decimal_text(*one["q"]),
                     one["side"], trade_id, one["t"] // unit * unit, one["r"] // unit * unit))  # fmt: skip
    return rows


def row(message):
    return (message["symbol"], message["pos"], message["price"], message["size"], message["side"], message.get("id"),
            message["ts_ns"], message["rts_ns"])  # fmt: skip


def rows(messages):
    return [row(message) for message in messages if message["type"] == "trade"]


def matching(ticks, *patterns):
    """Those that a subscription to the patterns gets."""
    exact = {pattern for pattern in patterns if not pattern.endswith("*")}
    starts = tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*"))
    return [one for one in ticks if one["s"] in exact or one["s"].startswith(starts)]


def require_played(messages, ticks, form="json", topics=()):
    """These very ticks in this order, numbered per symbol from 1."""
    assert rows(messages) == told(ticks, form, topics)
    account = Account(message for message in messages if message["type"] in ("trade", "gap"))
    assert account.lost() == 0 and set(account.first.values()) <= {1}, account.first


def instant(ns):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // SECOND)) + f".{ns % SECOND:09}Z"


# ---- a fast client ----


class Reel(Client):
    """A client of our own that takes frames apart as they lie in the socket: `websockets` is slower than a replay. It is
    used where many ticks or little room matter; the conversation is that of Client.

    With `digest` set, ticks are counted and summed up as they were sent, and not kept."""

    def __init__(self, server, form="json", deflate=False, receive_buffer=None, digest=False, welcome=True):
        self.form = form
        self.messages, self.raw, self.ready = [], None, deque()
        self.sum, self.count = hashlib.sha256() if digest else None, 0
        self.orders = 1000
        self.socket = Raw(server.port, receive_buffer, tls=TRUSTING if server.secure else None)
        more = {"Sec_WebSocket_Extensions": "permessage-deflate"} if deflate else {}
        self.socket.open("/ws", Sec_WebSocket_Protocol=f"tapehead.{form}", **more)
        self.deflated = deflate
        self._split()  # what came with the answer
        self.welcome = self.next() if welcome else None

    def send(self, op=None, **fields):
        message = {"op": op, **fields} if op else fields
        if self.form == "msgpack":
            self.socket.frame(BINARY, msgpack.packb(message))
        else:
            self.socket.frame(TEXT, json.dumps(message).encode())

    def next(self, timeout=20):
        end = time.monotonic() + timeout
        while not self.ready:
            self._read(max(0.001, end - time.monotonic()))
        message = self.ready.popleft()
        if isinstance(message, Closed):
            self.ready.append(message)
            raise message
        self.messages.append(message)
        return message

    def _read(self, timeout):
        self.socket.socket.settimeout(timeout)
        try:
            data = self.socket.socket.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        if not data:
            self.ready.append(Closed(1006, ""))
        self.socket.buffer += data
        self._split()

    def _split(self):
        """Takes the whole frames apart that are here."""
        data, at = self.socket.buffer, 0
        while len(data) - at >= 2:
            head, size = 2, data[at + 1]
            if size >= 126:
                head = 4 if size == 126 else 10
                size = int.from_bytes(data[at + 2 : at + head], "big")
            if len(data) - at < head + size:
                break
            self._take(data[at], data[at + head : at + head + size])
            at += head + size
        self.socket.buffer = data[at:]

    def _take(self, first, payload):
        opcode = first & 15
        assert first & 0x80 and not first & 0x30 and opcode != CONTINUATION, f"not a plain final frame: {first:#x}"
        if first & 0x40:
            assert self.deflated
            payload = inflated(payload)
        if opcode == PING:
            self.socket.frame(PONG, payload)
        elif opcode == CLOSE:
            self.ready.append(Closed(int.from_bytes(payload[:2], "big"), payload[2:].decode()))
        elif self.sum and payload.startswith((b'{"type":"trade"', b"\x9d\x01", b"\x9e\x01")):
            self.sum.update(payload)
            self.count += 1
        else:
            self.ready.append(decode(payload.decode() if opcode == TEXT else payload))

    def begin(self, symbols=("*",), **fields):
        """Asks for a replay; how it stands once it has begun."""
        answer = self.ask("replay", symbols=list(symbols), **fields)
        assert answer["type"] == "replaying" and answer["rejected"] == [], answer
        return self.until("replay")

    def steer(self, op, **fields):
        """A control, and its answer, which bears the id; `orders` counts them."""
        self.orders += 1
        self.send(op, id=self.orders, **fields)
        while (answer := self.answer()).get("id") != self.orders:
            pass
        return answer

    def replay(self, symbols=("*",), timeout=120, **fields):
        """A whole replay, from its command to its end: its messages."""
        mark = len(self.messages)
        self.begin(symbols, **fields)
        self.until("replay", timeout, state="ended")
        return self.messages[mark:]

    def vanish(self):
        """Without a word."""
        self.socket.close()
