# SPDX-License-Identifier: MIT
"""seeds: writes corpus/, from which the fuzzing begins: a few inputs a target that lead it to most of what there is. What
else lies there, such as what once crashed, it leaves alone.

    python3 tests/fuzz/seeds.py
"""

import os
import struct
import zlib
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
UPGRADE = f"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n{KEY}"


# ---- http_upgrade ----

HTTP_UPGRADE = {
    "plain": "GET /v1/last?symbols=BTC-USD%2CETH-* HTTP/1.1\r\nHost: a.example:8080\r\nAccept: */*\r\n\r\n",
    "two": "HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "upgrade": f"GET /ws?symbols=A+B HTTP/1.1\r\nHost: a\r\nOrigin: https://b.example\r\n{UPGRADE}"
    "Sec-WebSocket-Protocol: chat, tapehead.msgpack\r\n"
    "Sec-WebSocket-Extensions: x-webkit-deflate-frame, permessage-deflate; client_max_window_bits\r\n\r\n",
    "window": f"GET / HTTP/1.1\r\nHost: a\r\n{UPGRADE}"
    'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits="10"; server_no_context_takeover\r\n\r\n',
    "version": f"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n{KEY}\r\n",
    "length": "GET / HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 0\r\n\r\n",
    "absolute": "GET http://b.example:8080/ws?symbols=A HTTP/1.1\r\nHost: a\r\n\r\n",
    "absolute_bare": "GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n",
    "body": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded": "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
    "extensions": 'permessage-deflate;client_max_window_bits="9" , foo; bar=baz;\tqux,,permessage-deflate',
    "tls": "\x16\x03\x01\x00",
}


# ---- ws_frames ----

MASK = b"\x12\x34\x56\x78"


def frame(first, payload=b"", mask=MASK):
    length = len(payload)
    if length < 126:
        head = bytes([first, 0x80 | length])
    elif length < 65536:
        head = bytes([first, 0xFE]) + struct.pack(">H", length)
    else:
        head = bytes([first, 0xFF]) + struct.pack(">Q", length)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def deflated(data):
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    return (stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


WS_FRAMES = {
    "text": frame(0x81, '{"op":"ping"} €'.encode()) + frame(0x82, b"\x81\xa2op\xa4ping") + frame(0x81),
    "fragments": frame(0x01, b"\xe2") + frame(0x89, b"ping") + frame(0x00, b"\x82") + frame(0x80, b"\xac"),
    "long": frame(0x82, bytes(range(200))) + frame(0x8A),
    "too_big": frame(0x02, b"x" * 600) + frame(0x80, b"x" * 600),
    "deflated": frame(0xC1, deflated(b"Hello")) + frame(0x41, b"\xf2\x48") + frame(0x80, b"\xcd\xc9\xc9\x07\x00"),
    "close": frame(0x88, b"\x03\xe8bye") + b"swallowed",
    "close_empty": frame(0x88),
    "close_half": frame(0x88, b"\x03"),
    "close_bad": frame(0x88, b"\x03\xed"),
    "not_utf8": frame(0x01, b"good") + frame(0x80, b"\xed\xa0\x80"),
    "not_masked": b"\x81\x01a",
    "not_shortest": b"\x81\xfe\x00\x05" + MASK,
    "continuation": frame(0x80, b"of nothing"),
    "within": frame(0x01, b"a") + frame(0x81, b"b"),
}


# ---- inflate ----

INFLATE = {
    "hello": deflated(b"Hello"),
    "message": deflated(b'{"op":"subscribe","symbols":["BTC-USD","ETH-USD"],"id":1}'),
    "stored": b"\x00\x05\x00\xfa\xffHello\x00",
    "final": b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
    "two_blocks": b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
    "final_stored": b"\x00\x05\x00\xfa\xffHello\x01",
    "two_finals": b"\xf3\x48\xcd\xc9\xc9\x07\x00" * 2 + b"\x00",
    "empty": b"\x00",
    "bomb": deflated(b"a" * 99000),
    "too_much": deflated(b"a" * 200000),
    "cut": deflated(b"cut short, cut short")[:-4],
    "dynamic": deflated(bytes(i * i % 61 + 32 for i in range(600))),
    "tail_1": b"aaaaaaaaa",  # deflated, with the four bytes that are left off, one byte longer
    "tail_3": b"aaaaaaa",
    "plain": b'{"type":"trade","symbol":"BTC-USD","seq":17,"pos":"0:99","price":"61685.99000000","size":"0.50000000",'
    b'"side":"buy","ts":1723161255342000,"rts":1723161255343000}',
}


# ---- commands ----

COMMANDS = {
    "subscribe": {"op": "subscribe", "id": 7, "symbols": ["BTC-USD", "ETH-*", "*", "b a d"], "snapshot": False},
    "latest": {"op": "subscribe", "id": "a€", "symbols": ["A"], "mode": "latest", "interval_ms": 250},
    "since": {"op": "subscribe", "symbols": ["A"], "mode": "strict", "since": {"A": "3:281474976710655", "B": "0:1:2"}},
    "since_number": {"op": "subscribe", "symbols": [], "since": {"A": 1}},
    "unsubscribe": {"op": "unsubscribe", "symbols": []},
    "unsubscribe_all": {"op": "unsubscribe"},
    "list": {"op": "list", "id": -(2**63)},
    "ping": {"op": "ping", "id": None, "more": [{"a": [1.5, True]}]},
    "configure": {"op": "configure", "max_delay_ms": 60000},
    "replay": {"op": "replay", "id": 5, "symbols": ["A", "B-*"], "from": 1723161255342000, "speed": 10, "max_gap_ms": 1000, "then": "live", "group": "desk_1"},
    "replay_part": {"op": "replay", "symbols": ["*"], "from": "2024-08-09T00:05:00.123456789Z", "to": "2024-08-09T01:05:01.5+01:00", "clock": "receive", "speed": 0.5},
    "replay_hole": {"op": "replay", "symbols": [], "to": -1, "then": "live"},
    "pause": {"op": "pause", "id": 6},
    "resume": {"op": "resume", "id": 7},
    "step": {"op": "step", "id": 8, "count": 1000000},
    "seek": {"op": "seek", "from": "1970-01-01 00:00:00Z"},
    "speed": {"op": "speed", "id": 10, "speed": "max"},
    "speed_small": {"op": "speed", "speed": 5e-324},
    "auth": {"op": "auth", "token": "x"},
    "unknown": {"op": 'say "hello"\n'},
    "no_op": {"id": 2**63},
    "list_of": [{"op": "ping"}],
    "deep": {"op": "ping", "x": [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]},
}


def to_json(value):
    import json

    return json.dumps(value, separators=(",", ":"))


def to_msgpack(value):
    """As much of it as is needed here."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, int):
        if 0 <= value < 128:
            return bytes([value])
        return b"\xcf" + struct.pack(">Q", value) if value > 0 else b"\xd3" + struct.pack(">q", value)
    if isinstance(value, str):
        text = value.encode()
        return (bytes([0xA0 | len(text)]) if len(text) < 32 else bytes([0xD9, len(text)])) + text
    if isinstance(value, list):
        return bytes([0x90 | len(value)]) + b"".join(map(to_msgpack, value))
    return bytes([0x80 | len(value)]) + b"".join(to_msgpack(part) for item in value.items() for part in item)


COMMAND_JSON = {name: to_json(value) for name, value in COMMANDS.items()} | {
    "twice": '{"op":"ping","op":"list"}',
    "big": '{"op":"ping","id":18446744073709551616}',
    "escapes": '{"op":"subscribe","symbols":["\\u0041\\u0000\\ud83d\\ude00\\/"]}',
    "cut": '{"op":"subscribe","symbols":["A',
}
COMMAND_MSGPACK = {name: to_msgpack(value) for name, value in COMMANDS.items()} | {
    "wide": b"\xde\x00\x02\xd9\x02op\xda\x00\x09subscribe\xdb\x00\x00\x00\x07symbols\xdd\x00\x00\x00\x01\xd9\x01A",
    "claims": b"\xdf\xff\xff\xff\xff\xa2op",
    "extra": b"\x83\xa2op\xa4ping\x01\xc4\x01x\xc7\x02\x05ab\xd4\x01a",
    "speed_narrow": b"\x82\xa2op\xa5speed\xa5speed\xca\x3f\x00\x00\x00",
    "since_twice": b"\x83\xa2op\xa9subscribe\xa7symbols\x90\xa5since\x82\xa1A\xa30:1\xa1A\xa30:2",
}


# ---- Kafka values ----

TICK = {"s": "BTC-USD", "p": "61685.99000000", "q": "0.5", "side": "buy", "id": 17, "t": 1723161255342000000}
TICKS = {
    "tick": TICK,
    "array": [TICK, TICK | {"s": "x/y:z@_.", "side": "none", "id": "18446744073709551615"}, TICK | {"side": None}],
    "pairs": TICK | {"p": [-(2**63), -128], "q": [2**63 - 1, 127], "id": None},
    "numbers": {"t": "1", "q": 3, "p": 4, "s": "A", "other": {"a": [1, {}]}},
    "no_price": {"s": "A", "q": "1", "t": 1},
    "not_a_tick": [1, 2],
    "nothing": [],
}
VALUE_JSON = {name: to_json(value) for name, value in TICKS.items()} | {
    "real": '{"s":"A","p":1.25e-3,"q":0E5,"t":1,"side":"sell"}',
    "escapes": ' [ {"\\u0073":"\\u0041\\/B" , "p":"1","q":"1","t":"-5"} ]\n',
    "twice": '{"s":"A","s":"A","p":"1","q":"1","t":1}',
    "long": '{"s":"LONGEST-NAME.OF_THIRTY-TWO:BYTE@","p":"0.' + "0" * 127 + '1","q":"-9223372036854775808","t":1}',
}
VALUE_MSGPACK = {name: to_msgpack(value) for name, value in TICKS.items()} | {
    "wide": b"\xdc\x00\x01\xde\x00\x04\xd9\x01s\xda\x00\x01A\xa1p\xdd\x00\x00\x00\x02\xd0\x80\xd1\xff\x00\xa1q\xcd\x01\x00\xa1t\xce\x00\x00\x00\x01",
    "binary": b"\x85\xc4\x01s\xc0\xa1s\xa1A\xa1p\xa11\xa1q\xa12\xa1t\x01",
}


# ---- config_file ----

CONFIG_FILE = {
    "plain": "# a comment\n\nlisten = [::1]:0\nworkers=2\n  max-commands =  50\t\ndemo = true\n",
    "list": "kafka-property = security.protocol=SASL_SSL\nkafka-property = a=b=c\nfrom = -100\ntopic =\n",
    "range": "ring-slots = 15\n",
    "flag": "demo = yes\n",
    "unknown": "no-such-setting = 1\n",
    "no_value": "listen\n",
    "nul": "listen = a\0b\n",
    "crlf": "workers = 1\r\nlog-level = debug",
}


# ---- worker: see worker.c ----


def told(*steps, settings=(1, 0, 0, 0, 0, 0)):
    return bytes(settings) + b"".join(step if isinstance(step, bytes) else step.encode() for step in steps)


def sized(letter, data):
    data = data.encode() if isinstance(data, str) else data
    return letter.encode() + bytes([len(data)]) + data


def wild(first, data=b""):
    return b"f" + bytes([first, len(data)]) + data


def request(path, method="GET"):
    return sized("x", f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n") + ROUNDS


ROUNDS = b"t\x1f"
PATHS = ["/healthz", "/readyz", "/v1/symbols", "/v1/last?symbols=A*,BTC-USD", "/v1/last", "/metrics"]
SUBSCRIBE_ALL = b"s\x01\x01\x00\x0d"  # id 1, with a snapshot, one spec, "*"
BAD = to_json(COMMANDS["subscribe"])
WORKER = {
    "guest": told(ROUNDS, SUBSCRIBE_ALL, ROUNDS, b"l\x02", b"i\x03", "g", ROUNDS, b"v\x04", ROUNDS, "b", ROUNDS),
    "modes": told(ROUNDS, b"s\x01\x0a\x02\x0e\x10\x00", ROUNDS, b"s\x02\x04\x00\x0d", b"c\x03\x14", ROUNDS, settings=(2, 1, 0x26, 4, 15, 0)),
    "resume": told(ROUNDS, ROUNDS, b"e\x01\x01\x00\x05\x00\x0d", ROUNDS, b"u\x02\x00\x00", b"n", ROUNDS, settings=(3, 4, 0, 0, 9, 0)),
    "unkind": told(ROUNDS, SUBSCRIBE_ALL, ROUNDS, b"h\x10", b"w\x08", ROUNDS, settings=(4, 3, 0xFD, 0x0C, 0x1D, 1)),
    "stranger": told(b"d\x00", SUBSCRIBE_ALL, ROUNDS, sized("m", BAD), b"a\x00\x01\x01\x00\x0d", ROUNDS, wild(0x89, b"hi"), ROUNDS, wild(0x88, b"\x03\xe8"), ROUNDS),
    "deflate": told(b"d\x0a", ROUNDS, sized("z", BAD), ROUNDS, wild(0xC1, deflated(b"Hello")), ROUNDS, wild(0xC1, b"\xff\xff"), ROUNDS),
    "packed": told(b"d\x03", ROUNDS, sized("z", to_msgpack(COMMANDS["since"])), ROUNDS, sized("m", b"\xc1"), ROUNDS, "k", b"d\x01", ROUNDS),
    "echo": told(b"d\x06", ROUNDS, sized("z", "echo " * 20), sized("m", "plain"), ROUNDS, wild(0x01, b"a"), wild(0x80, b"b"), ROUNDS, "j", ROUNDS),
    "rude": told(b"d\x20", ROUNDS, wild(0xF1), ROUNDS, b"d\x00", sized("x", b"\x16\x03\x01"), ROUNDS, b"d\x10", ROUNDS, wild(0x01, b"\xed\xa0"), ROUNDS),
    "early": told(b"d\x00", wild(0x81, to_json(COMMANDS["ping"]).encode()), wild(0x81, b"{"), b"h\x03h\xb0", ROUNDS, b"o\x02", b"y\xff", ROUNDS),
    "requests": told(b"d\x40", *(request(path) for path in PATHS), b"d\x40", request("/metrics", "HEAD"), ROUNDS),
    "refused": told(b"d\x40", request("/nowhere"), ROUNDS, b"d\x40", request("/", "POST"), ROUNDS, b"d\x60", sized("x", b"GET /ws HT"), ROUNDS, sized("x", b"\xff"), ROUNDS),
    "addresses": told(ROUNDS, b"d\x00kt\x01d\x00kt\x01d\x00jt\x01d\x00", ROUNDS, settings=(6, 0, 0, 0x84, 1, 0)),
    "crowd": told(b"d\x38d\x18d\x00d\x00", ROUNDS, SUBSCRIBE_ALL, b"a\x00\x01\x05\x00\x0d", ROUNDS, b"y\x32", ROUNDS, settings=(5, 2, 0xFF, 6, 0x0D, 0)),
}

TARGETS = {
    "http_upgrade": HTTP_UPGRADE,
    "ws_frames": WS_FRAMES,
    "inflate": INFLATE,
    "command_json": COMMAND_JSON,
    "command_msgpack": COMMAND_MSGPACK,
    "value_json": VALUE_JSON,
    "value_msgpack": VALUE_MSGPACK,
    "config_file": CONFIG_FILE,
    "worker": WORKER,
}

for target, inputs in TARGETS.items():
    folder = CORPUS / target
    os.makedirs(folder, exist_ok=True)
    for name, data in inputs.items():
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
