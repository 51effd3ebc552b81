# SPDX-License-Identifier: MIT
"""hostile: clients that mean harm, one kind a function. Each is one attempt from an address of its own; it insists on
the refusal that the protocol names, and returns the reason under which tapehead_closed_total counts it; ANY where the
moment decides."""

import os
import random
import socket
import struct
import time

from raw import CLOSE, CONTINUATION, RSV1, TEXT, Raw, deflated, upgrade
from tls import hello

BOMB = deflated(bytes(10 << 20))
MASK = b"\0\0\0\0"  # leaves the bytes as they are (RFC 6455, 5.3)
ANY = "any"


def opened(port, source, path="/ws", **headers):
    return Raw(port, source=source).open(path, **headers)


def pour(one, data, times=1):
    """Sends without caring whether anybody listens still."""
    try:
        for _ in range(times):
            one.send(data)
    except (ConnectionError, TimeoutError):
        pass


def expect(got, wanted):
    assert got == wanted, f"{got} where {wanted} was to be"


def slow_headers(port, source):
    with Raw(port, source=source) as one:
        one.send(b"GET /ws HTTP/1.1\r\nHost: x\r\n")
        for _ in range(100):
            pour(one, b"X-A: b\r\n")
            if one.ended(0.1):
                return "timeout"
    raise AssertionError("a request that never ends was waited for")


def half_a_frame(port, source):
    """Then silence, and no pong either."""
    with opened(port, source) as one:
        one.send(b"\x81\xfe\x10\x00" + MASK + b"{" * 2000)
        expect(one.close_code(), 1001)
        return "timeout"


def reads_nothing(port, source):
    with Raw(port, source=source, receive_buffer=16384).open("/ws?symbols=*") as one:
        time.sleep(4)
        expect(one.ended(20), True)
        return "stalled"


def asks_and_reads_nothing(port, source):
    with Raw(port, source=source, receive_buffer=16384, timeout=0.5) as one:
        pour(one, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 500, 10)
        expect(one.ended(20), True)
        return ANY  # its answers were too many, or waited too long, or it was cut amid its requests


def pings(port, source):
    with opened(port, source) as one:
        pour(one, b"\x89\x84" + MASK + b"ping", 500)
        expect(one.close_code(), 4009)
        return "limit"


def messages(port, source):
    with opened(port, source) as one:
        command = b'{"op":"list"}'
        pour(one, (bytes([0x81, 0x80 | len(command)]) + MASK + command) * 1000, 10)
        expect(one.close_code(), 4009)
        return "limit"


def tiny_fragments(port, source):
    with opened(port, source) as one:
        one.frame(TEXT, b"{", fin=False)
        pour(one, (b"\x00\x81" + MASK + b" ") * 10000, 8)
        expect(one.close_code(), 4009)
        return "limit"


def subscriptions(port, source):
    """Then so many commands that it goes."""
    with opened(port, source) as one:
        codes = set()
        for n in range(10):
            one.command("subscribe", symbols=[f"X{n}.{i}{'*' * (i % 2)}" for i in range(1500)])
            codes |= {rejected["code"] for rejected in one.until("subscribed")["rejected"]}
        expect(codes, {"too_many_subscriptions"})
        pour(one, b"\x89\x80" + MASK, 500)
        expect(one.close_code(), 4009)
        return "limit"


def pongs(port, source):
    """That nobody asked for."""
    with opened(port, source) as one:
        pour(one, (b"\x8a\x80" + MASK) * 1000, 200)
        expect(one.close_code(), 4009)
        return "limit"


def empty_fragments(port, source):
    """So many that the message never gets longer."""
    with opened(port, source) as one:
        one.frame(TEXT, b"", fin=False)
        pour(one, (b"\x00\x80" + MASK) * 1000, 200)
        expect(one.close_code(), 4009)
        return "limit"


def too_long(port, source):
    with opened(port, source) as one:
        one.send(b"\x81\xff" + struct.pack(">Q", 4 << 30) + MASK + b"{")
        expect(one.close_code(), 1009)
        return "protocol"


def bomb(port, source):
    with opened(port, source, Sec_WebSocket_Extensions="permessage-deflate") as one:
        one.window = 15
        one.frame(TEXT, BOMB[:100], fin=False, rsv=RSV1)
        one.frame(CONTINUATION, BOMB[100:])
        expect(one.close_code(), 1009)
        return "protocol"


def not_masked(port, source):
    with opened(port, source) as one:
        one.frame(TEXT, b"{}", mask=None)
        expect(one.close_code(), 1002)
        return "protocol"


def tls_on_a_clear_port(port, source):
    with Raw(port, source=source) as one:
        one.send(hello() + os.urandom(5000))
        expect(one._take(7).hex(), "15030100020228")
        expect(one.ended(5), True)
        return "protocol"


def noise(port, source):
    with Raw(port, source=source) as one:
        pour(one, b"\xff" + os.urandom(20000))
        expect(one.answer().status, 400)
        return "protocol"


def dies(port, source):
    """At some step, in some way."""
    step = random.randrange(5)
    with Raw(port, source=source) as one:
        if step == 1:
            one.send(upgrade()[: random.randrange(1, 100)])
        elif step >= 2:
            one.open("/ws?symbols=*")
        if step == 3:
            one.send(b"\x81\xfe\x10\x00" + MASK + b"{")
        if step == 4:
            one.message()
            one.frame(CLOSE, b"\x03\xe8")
        if random.random() < 0.5:
            one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return ANY


def connections(port, source):
    """More of them, and faster, than an address may have."""
    held, refused = [], 0
    try:
        for _ in range(400):
            held.append(Raw(port, source=source))
            pour(held[-1], upgrade())
        for one in held:
            try:
                refused += one.answer().status == 429
            except (EOFError, ConnectionError):
                refused += 1
    finally:
        for one in held:
            one.close()
    assert refused > 0, "an address opened as many connections as it liked"
    return "address"


KINDS = [
    slow_headers, half_a_frame, reads_nothing, asks_and_reads_nothing, pings, messages, pongs, tiny_fragments, noise,
    empty_fragments, subscriptions, too_long, bomb, not_masked, tls_on_a_clear_port, dies, connections,
]  # fmt: skip
