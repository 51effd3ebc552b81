# SPDX-License-Identifier: MIT
"""The transcripts of tests/spec on real sockets, in clear text and over TLS: each against /echo, and each violation against
/ws, too, by a client that is subscribed and in the middle of its stream."""

import socket
import sys
from itertools import islice

import pytest

from raw import BINARY, CLOSE, PING, PONG, TEXT, Raw, inflated, upgrade
from server import ROOT, TRUSTING, Server
from tls import Pair

sys.path.insert(0, str(ROOT / "tests/spec"))
from transcript import FILES, read  # noqa: E402

CASES = {path.name: read(path) for path in FILES}
VIOLATIONS = {file: [case for case in cases if case.violates and not case.handshake] for file, cases in CASES.items()}
FENCE = b"that was all"
MASK = bytes(4)  # leaves the bytes as they are
PATIENCE = 5  # seconds


@pytest.fixture(scope="module", params=["clear", "tls"])
def server(request, tmp_path_factory):
    """Its close-ms ends no connection before PATIENCE does; its control-bytes hold two echoes of the longest message."""
    pair = Pair(tmp_path_factory.mktemp("pair")).arguments if request.param == "tls" else ()
    settings = ["--enable-echo", "--close-ms", 60000, "--control-bytes", 1 << 20]
    server = Server("--source", "sim:seed=1,rate=200,symbols=5", *settings, *pair)
    yield server
    server.stop()


class Told:
    """One server frame: its bytes, and what it says."""

    def __init__(self, wire, deflate):
        first, second = wire._take(2)
        assert first & 0x80 and not first & (0x30 if deflate else 0x70), f"not a plain final frame: {first:#x}"
        assert not second & 0x80, "a masked server frame"
        length = wire._take({126: 2, 127: 8}.get(second, 0))
        size = int.from_bytes(length, "big") if length else second
        assert not length or size >= (126 if second == 126 else 1 << 16), "a length that is not in its shortest form"
        self.opcode, self.payload = first & 15, wire._take(size)
        self.bytes = bytes([first, second]) + length + self.payload
        assert self.opcode in (TEXT, BINARY) or CLOSE <= self.opcode <= PONG and size <= 125 and not first & 0x40
        if first & 0x40:
            self.payload = inflated(self.payload)
        if self.opcode in (TEXT, CLOSE):
            self.payload[0 if self.opcode == TEXT else 2 :].decode()

    def is_trade(self):
        return self.payload.startswith(b'{"type":"trade"') or self.payload[1:2] == b"\1" and self.payload[0] & 0xF0 == 0x90

    def __str__(self):
        return self.bytes[:40].hex()


class Talk:
    """A case's client. Amid a stream messages are not the case's affair: they are passed over."""

    def __init__(self, server, case, streaming):
        self.wire = Raw(server.port, timeout=PATIENCE, tls=TRUSTING if server.secure else None)
        self.wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.case, self.streaming, self.deflate = case, streaming, case.deflate
        self.head = None  # of the answer, line by line
        self.over = False
        if not case.handshake:
            self.open("/ws?symbols=*" if streaming else "/echo")

    def open(self, path):
        headers = {}
        if self.deflate:
            headers["Sec_WebSocket_Extensions"] = "permessage-deflate"
        if self.streaming and speaks_binary(self.case.data):
            headers["Sec_WebSocket_Protocol"] = "tapehead.msgpack"
        self.wire.send(upgrade(path, **headers))
        self.expect("answer", 101)
        assert self.deflate == self.case.deflate, self.head
        while self.streaming and not Told(self.wire, self.deflate).is_trade():
            pass

    def frame(self):
        told = Told(self.wire, self.deflate)
        while self.streaming and told.opcode in (TEXT, BINARY):
            told = Told(self.wire, self.deflate)
        return told

    def ends(self):
        self.over = True
        with pytest.raises(EOFError):
            self.wire._take(1)

    def require_silence(self):
        """Nothing has come that nobody expects."""
        self.wire.socket.setblocking(False)
        try:
            self.wire._fill()
        except (BlockingIOError, EOFError, OSError):
            pass
        self.wire.socket.settimeout(PATIENCE)
        assert not self.wire.buffer or self.streaming, "something has come too early"

    def expect(self, kind, value):
        if kind == "answer":
            self.read_head()
            assert self.head[0].startswith(f"HTTP/1.1 {value} "), self.head
            self.deflate = bool(self.values("sec-websocket-extensions"))
        elif kind == "field":
            name, wanted = value.split(": ", 1)
            assert self.values(name.lower()) == [wanted], self.head
        elif kind == "without":
            assert not self.values(value.lower()), self.head
        elif kind == "end":
            self.ends()
        elif kind == "close":
            told = self.frame()
            assert told.opcode == CLOSE and told.payload[:2] == value.to_bytes(2, "big"), f"{told} instead of close {value}"
            self.ends()
        elif kind == "<":
            told = self.frame()
            assert told.bytes == value, f"{told} instead of {value[:40].hex()}"
            if told.opcode == CLOSE:
                self.ends()
        elif not self.streaming:
            told = self.frame()
            assert told.opcode == (TEXT if kind == "text" else BINARY), f"{told} instead of a {kind} message"
            assert told.payload == value, f"{told.payload[:40].hex()} instead of {value[:40].hex()}"

    def read_head(self):
        while b"\r\n\r\n" not in self.wire.buffer:
            self.wire._fill()
        head, self.wire.buffer = self.wire.buffer.split(b"\r\n\r\n", 1)
        self.head = head.decode().split("\r\n")
        self.wire._take(int(*self.values("content-length") or [0]))

    def values(self, name):
        fields = (line.split(": ", 1) for line in self.head[1:])
        return [value for key, value in fields if key.lower() == name]

    def send(self, data, piece):
        try:
            for at in range(0, len(data), piece):
                self.wire.send(data[at : at + piece])
        except ConnectionError:
            pass  # the server has had enough: what it said is read

    def finish(self):
        """Nothing more comes: what answers a ping now is its pong."""
        if not self.over and self.head[0].startswith("HTTP/1.1 101 "):
            self.wire.frame(PING, FENCE, mask=MASK)
            told = self.frame()
            assert (told.opcode, told.payload) == (PONG, FENCE), f"{told} comes unexpected"


def speaks_binary(data):
    """Whether its first message is binary, so that a client of /ws has to be one of tapehead.msgpack."""
    while len(data) >= 2 and data[0] & 15 > BINARY:
        data = data[6 + (data[1] & 127) :]
    return bool(data) and data[0] & 15 == BINARY


def by_steps(talk):
    """What follows a step has come after it, and not before."""
    for step in talk.case.steps:
        if not talk.over:
            talk.require_silence()
        talk.send(step.data, len(step.data))
        for one in step.expected:
            talk.expect(*one)


def in_pieces(talk, piece):
    talk.send(talk.case.data, piece)
    for one in talk.case.expected:
        talk.expect(*one)


def at_once(talk):
    in_pieces(talk, len(talk.case.data))


def byte_by_byte(talk):
    in_pieces(talk, 1 if len(talk.case.data) < 1000 else 1021)


def failure(server, case, way, streaming):
    talk = None
    try:
        talk = Talk(server, case, streaming)
        way(talk)
        talk.finish()
    except (AssertionError, OSError, EOFError, UnicodeError, pytest.fail.Exception) as error:
        return f"{case.name}, {way.__name__}: {error!r}"
    finally:
        if talk:
            talk.wire.close()


def failures(server, cases, ways, streaming=False):
    """The first few: each may have cost PATIENCE."""
    tried = (failure(server, case, way, streaming) for case in cases for way in ways)
    return "\n".join(islice(filter(None, tried), 3))


@pytest.mark.parametrize("file", CASES)
def test_each_transcript_comes_about_on_echo_however_it_is_cut(server, file):
    failed = failures(server, CASES[file], [by_steps, at_once, byte_by_byte])
    assert not failed, failed


@pytest.mark.parametrize("file", [file for file, cases in VIOLATIONS.items() if cases])
def test_each_violation_gets_its_code_amid_the_stream_of_a_subscribed_client(server, file):
    failed = failures(server, VIOLATIONS[file], [at_once], streaming=True)
    assert not failed, failed
