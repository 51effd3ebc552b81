# SPDX-License-Identifier: MIT
"""raw: a bare socket that speaks just enough HTTP and WebSocket to misbehave on purpose: to stop reading, to send what no
library would send, to see the exact bytes of an answer."""

import base64
import json
import os
import socket
import struct
import time
import zlib

from clients import decode

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
RSV1, RSV2, RSV3 = 4, 2, 1
TAIL = b"\0\0\xff\xff"  # RFC 7692, 7.2.1: what is left off a deflated message


def upgrade(path="/ws", host="127.0.0.1", **headers):
    """The bytes of an opening handshake; a header set to None is left out, underscores read as dashes."""
    fields = {
        "Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        **{key.replace("_", "-"): value for key, value in headers.items()},
    }  # fmt: skip
    lines = [f"{key}: {value}" for key, value in fields.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()


def deflated(data, flush=zlib.Z_SYNC_FLUSH):
    """A message's payload, deflated as RFC 7692 wants it."""
    stream = zlib.compressobj(wbits=-15)
    return (stream.compress(data) + stream.flush(flush)).removesuffix(TAIL)


def inflated(payload, window=15):
    """Of a message that stands alone: it refers to no other, and to nothing farther back than the window."""
    return zlib.decompressobj(wbits=-window).decompress(payload + TAIL)


class Answer:
    def __init__(self, head, body):
        first, *lines = head.decode("latin-1").split("\r\n")
        self.version, status, *_ = first.split(" ")
        self.status = int(status)
        self.headers = {}
        for line in lines:
            key, value = line.split(":", 1)
            self.headers[key.lower()] = value.strip()
        self.body = body


class Raw:
    """`source` is an address to connect from; `tls` a context, for a server that speaks TLS. Once `window` is set to
    what was negotiated, frames may be deflated; `was_deflated` tells whether the last one was."""

    def __init__(self, port, receive_buffer=None, timeout=20, source="", tls=None, session=None):
        self.socket = socket.socket()
        self.socket.settimeout(timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        if tls:
            self.socket = tls.wrap_socket(self.socket, suppress_ragged_eofs=False, session=session)
        self.buffer = b""
        self.window = None
        self.was_deflated = False

    def send(self, data):
        self.socket.sendall(data)

    def _fill(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        self.buffer += data

    def _take(self, count):
        while len(self.buffer) < count:
            self._fill()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def answer(self, has_body=True):
        """One HTTP answer."""
        while b"\r\n\r\n" not in self.buffer:
            self._fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        answer = Answer(head, b"")
        if has_body and answer.status != 101:
            answer.body = self._take(int(answer.headers.get("content-length", 0)))
        return answer

    def request(self, data, **options):
        self.send(data)
        return self.answer(**options)

    def get(self, path, method="GET", **options):
        return self.request(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), **options)

    def open(self, path="/ws", **headers):
        answer = self.request(upgrade(path, **headers))
        assert answer.status == 101, (answer.status, answer.body)
        return self

    def frame(self, opcode, payload=b"", fin=True, mask=b"\1\2\3\4", rsv=0):
        head = bytes([fin << 7 | rsv << 4 | opcode])
        bit = 0x80 if mask else 0
        if len(payload) < 126:
            head += bytes([bit | len(payload)])
        elif len(payload) < 1 << 16:
            head += bytes([bit | 126]) + struct.pack(">H", len(payload))
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
        if mask:
            payload = bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))
        self.send(head + (mask or b"") + payload)

    def text(self, text):
        self.frame(TEXT, text.encode())

    def read_frame(self):
        """(opcode, payload) of one server frame, which must be whole, unmasked and of the plainest form, but for what
        was negotiated."""
        first, second = self._take(2)
        self.was_deflated = bool(self.window) and bool(first & 0x40)
        assert first & 0x80 and not first & (0x30 if self.window else 0x70), f"not a plain final frame: {first:#x}"
        assert not second & 0x80, "a masked server frame"
        size = second
        if size == 126:
            (size,) = struct.unpack(">H", self._take(2))
            assert size >= 126
        elif size == 127:
            (size,) = struct.unpack(">Q", self._take(8))
            assert size >= 1 << 16
        payload = self._take(size)
        return first & 15, inflated(payload, self.window) if self.was_deflated else payload

    def message(self):
        """The next message; pings on the way are answered."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == PING:
                self.frame(PONG, payload)
            elif opcode in (TEXT, BINARY):
                return decode(payload.decode() if opcode == TEXT else payload)
            else:
                raise AssertionError(f"opcode {opcode}: {payload}")

    def command(self, op, **fields):
        self.text(json.dumps({"op": op, **fields}))

    def until_close(self):
        """What still comes, and the close code: None when the connection ends without one."""
        messages = []
        try:
            while True:
                opcode, payload = self.read_frame()[:2]
                if opcode == CLOSE:
                    return messages, struct.unpack(">H", payload[:2])[0]
                if opcode in (TEXT, BINARY):
                    messages.append(decode(payload.decode() if opcode == TEXT else payload))
        except (EOFError, ConnectionError, TimeoutError):
            return messages, None

    def until(self, kind):
        while (message := self.message())["type"] != kind:
            pass
        return message

    def close_code(self):
        """Reads on until the server's close frame; None when the connection ends or is reset without one."""
        try:
            while True:
                opcode, payload = self.read_frame()
                if opcode == CLOSE:
                    return struct.unpack(">H", payload[:2])[0] if payload else 1005
        except (EOFError, ConnectionResetError):
            return None

    def ended(self, timeout):
        """Whether the server ends the connection within that time; what it still sends is thrown away."""
        until = time.monotonic() + timeout
        try:
            while (left := until - time.monotonic()) > 0:
                self.socket.settimeout(left)
                if not self.socket.recv(1 << 16):
                    return True
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True
        return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
