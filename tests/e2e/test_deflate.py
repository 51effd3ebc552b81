# SPDX-License-Identifier: MIT
"""permessage-deflate (RFC 7692) without context takeover: taken where it can be kept, the same ticks in fewer bytes, and
no way to make the server inflate more than it would have read."""

import json
import random
import time
import zlib

import pytest

from account import Account
from raw import BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, RSV2, RSV3, TAIL, TEXT, deflated, upgrade
from server import Server
from test_slow_clients import FLOOD, SMALL, read_for

NAME = "permessage-deflate"
TAKEN = f"{NAME}; server_no_context_takeover; client_no_context_takeover"
NARROW = f"{TAKEN}; server_max_window_bits=9"
CORRUPT = b"\xff\xff\xff\xff"  # a block of the type that there is none of

ANSWERS = [
    (NAME, TAKEN),
    ("Permessage-DEFLATE", TAKEN),
    (f"{NAME}; server_no_context_takeover; client_no_context_takeover", TAKEN),
    (f"{NAME};client_max_window_bits", TAKEN),
    (f"{NAME} ; client_max_window_bits = 8", TAKEN),
    (f'{NAME}; client_max_window_bits="15"', TAKEN),
    (f"{NAME}; server_max_window_bits=9", NARROW),
    (f"{NAME}; client_max_window_bits; server_max_window_bits=15", NARROW),
    (f'{NAME}; server_max_window_bits="10"', NARROW),
    (f"x-webkit-deflate-frame, {NAME}", TAKEN),
    (f", ,{NAME},", TAKEN),
    (f"{NAME}; server_max_window_bits=8, {NAME}; server_max_window_bits=12, {NAME}", NARROW),
    (f"{NAME}; unheard_of, {NAME}", TAKEN),
    (f"x-other; a=1\r\nSec-WebSocket-Extensions: {NAME}", TAKEN),
    # What we can't keep to the letter.
    ("x-webkit-deflate-frame", None),
    ("permessage-bzip2", None),
    (f"{NAME}; server_max_window_bits=8", None),
    (f"{NAME}; server_max_window_bits=16", None),
    (f"{NAME}; server_max_window_bits=09", None),
    (f"{NAME}; server_max_window_bits=+9", None),
    (f"{NAME}; server_max_window_bits", None),
    (f"{NAME}; client_max_window_bits=7", None),
    (f"{NAME}; client_max_window_bits=16", None),
    (f"{NAME}; server_no_context_takeover=1", None),
    (f"{NAME}; client_no_context_takeover; client_no_context_takeover", None),
    (f"{NAME}; server_max_window_bits=10; server_max_window_bits=10", None),
    (f"{NAME}; unheard_of", None),
    (f"{NAME}; unheard_of=1", None),
]

MALFORMED = [
    f"{NAME};", ";", f"{NAME}; =9", f"{NAME}; server_max_window_bits=", f"{NAME} {NAME}", f'{NAME}; a="b',
    f'{NAME}; a="b c"', f"{NAME}; a=b=c", f"{NAME}, ;a", f"({NAME})", f"{NAME}; a@b",
]  # fmt: skip


@pytest.fixture(scope="module")
def echo():
    server = Server("--source", "sim:seed=1,rate=20,symbols=5", "--enable-echo")
    yield server
    server.stop()


@pytest.fixture
def deflating(raw):
    """A client that has negotiated permessage-deflate."""

    def deflating(server, path="/ws", window=15, **headers):
        one = raw(server).open(path, Sec_WebSocket_Extensions=f"{NAME}; server_max_window_bits={window}", **headers)
        one.window = window
        return one

    return deflating


@pytest.mark.parametrize("offer, answer", ANSWERS, ids=[offer for offer, _ in ANSWERS])
def test_an_offer_is_taken_if_it_can_be_kept_to_the_letter(echo, raw, offer, answer):
    for path in ("/ws", "/echo"):
        got = raw(echo).request(upgrade(path, Sec_WebSocket_Extensions=offer))
        assert got.status == 101 and got.headers.get("sec-websocket-extensions") == answer


@pytest.mark.parametrize("offer", MALFORMED)
def test_a_malformed_offer_is_refused(echo, raw, offer):
    assert raw(echo).request(upgrade(Sec_WebSocket_Extensions=offer)).status == 400


def test_who_offers_nothing_gets_nothing_and_with_no_deflate_nobody_does(echo, sim, raw):
    assert "sec-websocket-extensions" not in raw(echo).request(upgrade()).headers
    server = sim("rate=10,symbols=2", "--no-deflate")
    one = raw(server)
    answer = one.request(upgrade(Sec_WebSocket_Extensions=NAME))
    assert answer.status == 101 and "sec-websocket-extensions" not in answer.headers
    one.frame(TEXT, deflated(b'{"op":"ping"}'), rsv=RSV1)
    assert one.close_code() == 1002


def test_echo_is_there_only_when_enabled(echo, sim, raw):
    assert raw(sim("rate=10,symbols=2")).request(upgrade("/echo")).status == 404
    one = raw(echo).open("/echo")
    for opcode, data in ((TEXT, "Ü".encode()), (BINARY, b"\0\xff"), (TEXT, b""), (BINARY, bytes(65536))):
        one.frame(opcode, data)
        assert one.read_frame() == (opcode, data)
    one.frame(TEXT, b"\xc3")
    assert one.close_code() == 1007


def ticks_of(one, count):
    """{(symbol, seq): payload} of so many trades, and of how many of them came deflated."""
    found, small = {}, 0
    while len(found) < count:
        opcode, payload = one.read_frame()
        if b'"type":"trade"' in payload or payload[:2] in (b"\x9d\1", b"\x9e\1"):
            small += one.was_deflated
            key = tuple(json.loads(payload)[key] for key in ("symbol", "seq")) if opcode == TEXT else payload[:40]
            found[key] = payload
        else:
            assert not one.was_deflated or b'"type":"snapshot"' in payload or payload[1] == 2, payload
    return found, small


@pytest.mark.parametrize("form", ["json", "msgpack"])
@pytest.mark.parametrize("window", [9, 15])
@pytest.mark.main_path
def test_ticks_inflate_to_the_bytes_that_others_get(sim, raw, deflating, form, window):
    server = sim("rate=1000,symbols=5", "--heartbeat-ms", 50)
    headers = {"Sec_WebSocket_Protocol": f"tapehead.{form}"}
    plain = raw(server).open("/ws?symbols=*", **headers)
    small = deflating(server, "/ws?symbols=*", window, **headers)
    (expected, none), (got, count) = ticks_of(plain, 700), ticks_of(small, 500)
    common = expected.keys() & got.keys()
    assert len(common) > 300 and none == 0
    assert form == "msgpack" or count > len(got) * 0.9
    assert {key: got[key] for key in common} == {key: expected[key] for key in common}


def test_a_slow_client_that_deflates_has_a_complete_account(sim, raw, deflating):
    server = sim(FLOOD, *SMALL)
    slow = deflating(server, "/ws?symbols=*")
    messages = []
    for _ in range(3):
        time.sleep(0.5)
        messages += read_for(slow, 0.5)
    account = Account(messages)
    assert account.lost() > 1000 and account.received() > 100


def test_ticks_take_fewer_bytes(sim, raw, deflating, figure):
    server = sim("rate=500,symbols=5")
    sizes = {}
    for name, one in (("plain", raw(server).open("/ws?symbols=*")), ("small", deflating(server, "/ws?symbols=*"))):
        ticks = ticks_of(one, 300)[0].values()
        sizes[name] = sum(map(len, ticks)) / len(ticks)
    wire = sum(len(deflated(tick)) for tick in ticks) / len(ticks)
    figure(f"a tick in JSON has {sizes['plain']:.0f} bytes, about {wire:.0f} deflated alone")


PING_COMMAND = b'{"op":"ping","id":"' + b"x" * 40 + b'"}'


def in_blocks(data):
    """As RFC 7692, 7.2.3.5 has it: more than one block; the first is stored, the last is marked as such."""
    stored = b"\0" + len(data[:9]).to_bytes(2, "little") + (0xFFFF - len(data[:9])).to_bytes(2, "little") + data[:9]
    return stored + deflated(data[9:], zlib.Z_FINISH) + b"\0"


TWO_BLOCKS = deflated(PING_COMMAND[:5], zlib.Z_FULL_FLUSH) + TAIL + deflated(PING_COMMAND[5:])


@pytest.mark.parametrize("payload", [deflated(PING_COMMAND), TWO_BLOCKS, in_blocks(PING_COMMAND)],
                         ids=["one block", "two blocks", "stored and final"])  # fmt: skip
@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_a_deflated_command_may_come_in_fragments_with_pings_between(echo, deflating, payload, piece):
    one = deflating(echo)
    pieces = [payload[at : at + piece] for at in range(0, len(payload), piece)]
    for n, part in enumerate(pieces):
        one.frame(CONTINUATION if n else TEXT, part, fin=n == len(pieces) - 1, rsv=0 if n else RSV1)
        if n == 0 < len(pieces) - 1:
            one.frame(PING, b"amid")
    assert one.message()["type"] == "welcome"
    if len(pieces) > 1:
        assert one.read_frame() == (PONG, b"amid") and not one.was_deflated
    answer = one.message()
    assert (answer["type"], answer["id"]) == ("pong", "x" * 40) and not one.was_deflated


@pytest.mark.parametrize("data", [b"", b"a", "grüße".encode() * 50, bytes(65536), random.Random(1).randbytes(65000)],
                         ids=["empty", "a byte", "text", "zeros", "noise"])  # fmt: skip
def test_messages_go_through_echo_unchanged_deflated_or_not(echo, deflating, data):
    one = deflating(echo, "/echo")
    for rsv, payload in ((RSV1, deflated(data)), (0, data), (RSV1, deflated(data))):
        one.frame(BINARY, payload, rsv=rsv)
        assert one.read_frame() == (BINARY, data)


@pytest.mark.parametrize("size, code", [(65536, None), (65537, 1009), (10 << 20, 1009)])
def test_a_message_is_judged_by_what_it_inflates_to(echo, deflating, size, code):
    one = deflating(echo, "/echo")
    one.frame(BINARY, deflated(bytes(size)), rsv=RSV1)
    if code:
        assert one.close_code() == code
    else:
        assert one.read_frame()[1] == bytes(size)


def test_bombs_cost_bounded_memory(sim, deflating):
    server = sim("rate=10,symbols=2")
    bomb = deflated(bytes(10 << 20))
    before = server.memory()["VmHWM"]
    for path in ("/ws", "/ws?symbols=*") * 20:
        one = deflating(server, path)
        one.frame(TEXT, bomb, rsv=RSV1)
        assert one.close_code() == 1009
    assert len(bomb) < 1 << 14 and server.memory()["VmHWM"] - before < 2 << 20


@pytest.mark.parametrize(
    "payload",
    [CORRUPT, deflated(PING_COMMAND)[:-3], b"", deflated(b'{"op":"\xff"}'), zlib.compress(PING_COMMAND), PING_COMMAND],
    ids=["corrupt", "cut short", "nothing", "not UTF-8", "with zlib's header", "not deflated"],
)
def test_what_doesnt_inflate_to_text_closes_with_1007(echo, deflating, payload):
    one = deflating(echo)
    one.frame(TEXT, payload, rsv=RSV1)
    assert one.close_code() == 1007


def test_spoilt_messages_are_answered_or_close_their_own_connection_alone(echo, deflating):
    chance = random.Random(1)
    codes = set()
    for _ in range(100):
        one = deflating(echo, "/echo")
        payload = bytearray(deflated(chance.randbytes(20) * 20))
        payload[chance.randrange(len(payload))] ^= 1 << chance.randrange(8)
        one.frame(BINARY, bytes(payload), rsv=RSV1)
        opcode, answer = one.read_frame()
        codes.add(int.from_bytes(answer[:2], "big") if opcode == CLOSE else 0)
        one.close()
    assert 1007 in codes and codes <= {0, 1007, 1009}
    assert echo.running()


@pytest.mark.parametrize(
    "negotiated, frames",
    [
        (False, [(TEXT, True, RSV1)]),
        (True, [(TEXT, False, RSV1), (CONTINUATION, True, RSV1)]),
        (True, [(TEXT, False, 0), (CONTINUATION, True, RSV1)]),
        (True, [(PING, True, RSV1)]),
        (True, [(CLOSE, True, RSV1)]),
        (True, [(TEXT, True, RSV1 | RSV2)]),
        (True, [(TEXT, True, RSV3)]),
    ],
    ids=["not negotiated", "second fragment", "only second", "ping", "close", "RSV1 and RSV2", "RSV3"],
)
def test_reserved_bits_where_they_mean_nothing_close_with_1002(echo, raw, deflating, negotiated, frames):
    one = deflating(echo) if negotiated else raw(echo).open()
    for opcode, fin, rsv in frames:
        one.frame(opcode, PING_COMMAND[:8], fin=fin, rsv=rsv)
    assert one.close_code() == 1002
