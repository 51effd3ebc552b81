# SPDX-License-Identifier: MIT
"""The wire contract, as python's `websockets` sees it, in both subprotocols."""

import time

import pytest

from account import Account
from server import wait_for
from trades import value


@pytest.fixture(params=["json", "msgpack"])
def form(request):
    return request.param


def symbols_known(server, count):
    known = wait_for(lambda: len(server.json("/v1/symbols")["symbols"]) >= count)
    assert known, server.get("/v1/symbols")


@pytest.mark.main_path
def test_welcome_comes_first_and_names_the_server_its_epoch_and_its_limits(sim, client, form):
    server = sim("rate=10,symbols=2", "--max-subscriptions", 77)
    welcome = client(server, form).welcome
    assert welcome["type"] == "welcome"
    assert welcome["server"].startswith("tapehead/")
    assert welcome["epoch"] and welcome["heartbeat_ms"] == 1000
    assert welcome["limits"]["subscriptions"] == 77
    assert client(server, form).welcome["epoch"] == welcome["epoch"]


def test_both_subprotocols_are_agreed_on_and_json_is_spoken_when_none_is_offered(sim, client):
    server = sim()
    assert client(server, "json").socket.subprotocol == "tapehead.json"
    assert client(server, "msgpack").socket.subprotocol == "tapehead.msgpack"
    plain = client(server, subprotocol=False)
    assert plain.socket.subprotocol is None and plain.welcome["type"] == "welcome"


@pytest.mark.main_path
def test_a_subscription_is_acknowledged_then_each_symbol_has_its_snapshot_then_contiguous_ticks(sim, client, form):
    server = sim("rate=500,symbols=5")
    symbols_known(server, 5)
    one = client(server, form)
    one.send("subscribe", id=7, symbols=["*"])
    messages = one.trades(300)
    after = [message for message in messages[1:] if message["type"] != "heartbeat"]
    assert after[0] == {"type": "subscribed", "id": 7, "symbols": ["*"], "rejected": []}
    account = Account(messages)
    assert account.lost() == 0
    first = {}
    for message in after[1:]:
        first.setdefault(message["symbol"], message["type"])
    assert len(first) == 5 and set(first.values()) == {"snapshot"}
    assert len(one.of("snapshot")) == 5


def test_a_snapshot_is_left_out_when_the_client_says_so(sim, client, form):
    server = sim("rate=200,symbols=5")
    symbols_known(server, 5)
    one = client(server, form)
    one.send("subscribe", id=1, symbols=["*"], snapshot=False)
    Account(one.trades(50))
    assert not one.of("snapshot")


def test_a_snapshot_is_the_last_tick_known(broker, on_topic, client, form):
    topic = broker.topic()
    broker.produce(topic, [value("X", n, price=f"{n}.50") for n in range(1, 6)])
    server = on_topic(topic)
    assert wait_for(lambda: server.json("/v1/last?symbols=X").get("last"))
    one = client(server, form)
    one.ask("subscribe", symbols=["X"])
    snapshot = one.until("snapshot")
    assert (snapshot["seq"], snapshot["price"], snapshot["id"], snapshot["pos"]) == (5, "5.50", "5", "0:4")
    broker.produce(topic, [value("X", 6)])
    assert one.until("trade")["seq"] == 6


def test_patterns_catch_symbols_first_seen_later_and_unknown_symbols_wait(broker, on_topic, client, form):
    topic = broker.topic()
    broker.produce(topic, [value("AA-1"), value("B")])
    server = on_topic(topic)
    symbols_known(server, 2)
    one = client(server, form)
    answer = one.ask("subscribe", symbols=["AA-*", "LATER"])
    assert answer["symbols"] == ["AA-*", "LATER"] and answer["rejected"] == []
    broker.produce(topic, [value(symbol) for symbol in ("B", "AA-2", "LATER", "AA-1", "LATE", "A", "LATER")])
    account = Account(one.trades(4))
    assert account.last() == {"AA-1": 2, "AA-2": 1, "LATER": 2}
    assert account.first == {"AA-1": 1, "AA-2": 1, "LATER": 1}


BAD_SYMBOLS = ["X Y", "", "A" * 33, "A*B", "**", "Ü", "a\nb"]


def test_a_bad_symbol_is_rejected_and_the_rest_of_the_request_holds(sim, client, form):
    server = sim("rate=200,symbols=5")
    one = client(server, form)
    answer = one.ask("subscribe", id="s", symbols=[*BAD_SYMBOLS, "BTC-USD", "A" * 32, "a:b/c@d_e.f-9*"])
    assert answer["id"] == "s"
    assert answer["symbols"] == ["BTC-USD", "A" * 32, "a:b/c@d_e.f-9*"]
    assert answer["rejected"] == [{"symbol": symbol, "code": "bad_symbol"} for symbol in BAD_SYMBOLS]
    assert one.until("trade")["symbol"] == "BTC-USD"


def test_overlapping_subscriptions_deliver_each_tick_once(sim, client, form):
    server = sim("rate=500,symbols=5")
    one = client(server, form)
    one.ask("subscribe", symbols=["*", "BTC-USD"])
    one.ask("subscribe", symbols=["BTC-*", "*", "BTC-USD"])
    Account(one.trades(300))
    one.ask("unsubscribe", symbols=["*", "BTC-USD"])
    rest = {message["symbol"] for message in one.more(100) if message["type"] == "trade"}
    assert rest and all(symbol.startswith("BTC-") for symbol in rest)
    Account(message for message in one.messages if message.get("symbol", "").startswith("BTC-"))


def test_a_second_subscription_to_what_is_subscribed_brings_no_second_snapshot(sim, client, form):
    server = sim("rate=100,symbols=2")
    symbols_known(server, 2)
    one = client(server, form)
    one.ask("subscribe", symbols=["*"])
    one.trades(5)
    one.ask("subscribe", symbols=["*", "BTC-USD"])
    Account(one.trades(50))
    assert len(one.of("snapshot")) == 2


def test_nothing_more_comes_after_unsubscribing_and_without_symbols_that_means_all(sim, client, form):
    server = sim("rate=500,symbols=5")
    one = client(server, form)
    one.ask("subscribe", symbols=["*", "BTC-USD"])
    one.trades(20)
    answer = one.ask("unsubscribe", id=2)
    assert answer["type"] == "unsubscribed" and answer["id"] == 2 and sorted(answer["symbols"]) == ["*", "BTC-USD"]
    mark = len(one.messages)
    one.drain(0.5)
    assert not [message for message in one.messages[mark:] if message["type"] in ("trade", "snapshot", "gap")]
    assert one.ask("list")["symbols"] == []


def test_a_client_that_subscribes_again_starts_from_a_snapshot_again(sim, client, form):
    server = sim("rate=500,symbols=3")
    one = client(server, form)
    symbols_known(server, 3)
    one.ask("subscribe", symbols=["*"])
    one.trades(20)
    one.ask("unsubscribe")
    one.drain(0.3)
    mark = len(one.messages)
    one.ask("subscribe", symbols=["*"])
    one.drain(0.5)
    account = Account(one.messages[mark:])
    assert len(account.ticks) == 3 and account.lost() == 0
    assert len([message for message in one.messages[mark:] if message["type"] == "snapshot"]) == 3


def test_list_shows_the_subscriptions_in_force(sim, client, form):
    one = client(sim("rate=1,symbols=2"), form)
    one.ask("subscribe", symbols=["ETH-*", "BTC-USD", "ZZZ"])
    one.ask("unsubscribe", symbols=["ZZZ"])
    answer = one.ask("list", id=3)
    assert answer["type"] == "subscriptions" and answer["id"] == 3
    assert sorted(answer["symbols"]) == ["BTC-USD", "ETH-*"]


def test_ping_is_answered_with_its_own_id(sim, client, form):
    one = client(sim("rate=1,symbols=2"), form)
    for own in (4, -1, 0, 2**53 - 1, "a string", "ü✓"):
        answer = one.ask("ping", id=own)
        assert answer["type"] == "pong" and answer["id"] == own
    assert "id" not in one.ask("ping")


def test_configure_grants_a_window_in_which_ticks_wait_for_each_other(sim, client, form):
    server = sim("rate=1000,symbols=5")
    one = client(server, form)
    answer = one.ask("configure", id=7, max_delay_ms=200)
    assert answer == {"type": "configured", "id": 7, "max_delay_ms": 200}
    assert one.ask("list")["max_delay_ms"] == 200
    one.ask("subscribe", symbols=["*"])
    Account(one.trades(600))


@pytest.mark.parametrize(
    "command, code",
    [
        ({"op": "auth", "token": "secret"}, "not_supported"),
        ({"op": "replay", "symbols": ["X"], "from": 0}, "not_supported"),
        ({"op": "pause"}, "no_replay"), ({"op": "resume"}, "no_replay"), ({"op": "step"}, "no_replay"),
        ({"op": "seek", "from": 0}, "no_replay"), ({"op": "speed", "speed": 2}, "no_replay"),
    ],
    ids=lambda word: word["op"] if isinstance(word, dict) else word,
)  # fmt: skip
def test_what_this_server_has_nothing_for_is_refused_clearly(shared_sim, client, form, command, code):
    one = client(shared_sim, form)
    one.send(**command, id=9)
    answer = one.answer()
    assert answer["type"] == "error" and answer["id"] == 9 and answer["code"] == code
    assert answer["message"]
    assert one.ask("list")["symbols"] == []


@pytest.mark.parametrize(
    "text, code",
    [
        ('{"op":"dance","id":1}', "unknown_op"), ('{"op":', "bad_json"), ("", "bad_json"), ("{}{}", "bad_json"),
        ("nonsense", "bad_json"), ("[]", "bad_command"), ("17", "bad_command"), ("{}", "bad_command"),
        ('{"op":5}', "bad_command"), ('{"op":"subscribe","id":1}', "bad_command"),
        ('{"op":"subscribe","symbols":"X"}', "bad_command"), ('{"op":"subscribe","symbols":[1]}', "bad_command"),
        ('{"op":"subscribe","symbols":["X"],"mode":"loud"}', "bad_field"),
        ('{"op":"configure","max_delay_ms":-1}', "bad_field"), ('{"op":"configure","max_delay_ms":60001}', "bad_field"),
        ('{"op":"subscribe","symbols":[' + ",".join(['"X"'] * 5000) + "]}", "too_many_symbols"),
        ("[" * 20000, "bad_json"), ('{"op":"ping","op":"ping"}', "bad_json bad_command"),
    ],
    ids=lambda text: text[:40] if len(text) < 200 else "long",
)  # fmt: skip
def test_a_bad_command_is_answered_with_an_error_and_the_connection_stays(shared_sim, client, text, code):
    one = client(shared_sim)
    one.send_raw(text)
    answer = one.answer()
    assert answer["type"] == "error" and answer["code"] in code.split() and answer["message"], answer
    assert one.ask("ping", id=2)["id"] == 2


def test_a_bad_msgpack_command_is_answered_with_an_error_and_the_connection_stays(shared_sim, client):
    one = client(shared_sim, "msgpack")
    for data in (b"", b"\xc1", b"\x82\xa2op", b"\xdd\xff\xff\xff\xff", b"\x81\xa2op\xa4ping\x00"):
        one.send_raw(data)
        answer = one.answer()
        assert answer["type"] == "error" and answer["code"] in ("bad_msgpack", "bad_command"), (data, answer)
    assert one.ask("ping", id=2)["id"] == 2


def test_unknown_fields_are_ignored(shared_sim, client, form):
    one = client(shared_sim, form)
    answer = one.ask("subscribe", id=1, symbols=["X"], colour="red", nested={"a": [1, {"b": None}]}, op2="x")
    assert answer["type"] == "subscribed" and answer["symbols"] == ["X"]


@pytest.mark.main_path
@pytest.mark.parametrize("path", ["/ws", "/"])
def test_symbols_in_the_query_subscribe_at_once_with_no_message_typed(sim, client, form, path):
    server = sim("rate=500,symbols=5")
    symbols_known(server, 5)
    one = client(server, form, path=path, query="?symbols=BTC-USD,ETH-%2A")
    answer = one.answer()
    assert answer["type"] == "subscribed" and answer["symbols"] == ["BTC-USD", "ETH-*"] and "id" not in answer
    account = Account(one.trades(100))
    assert {symbol[:4] for symbol in account.ticks} <= {"BTC-", "ETH-"} and "BTC-USD" in account.ticks
    assert {message["symbol"] for message in one.of("snapshot")} == set(account.ticks) | set(account.next)


def test_heartbeats_come_at_the_configured_rate_and_tell_the_state_of_the_source(sim, client, form):
    one = client(sim("rate=100,symbols=5", "--heartbeat-ms", 100), form)
    assert one.welcome["heartbeat_ms"] == 100
    one.ask("subscribe", symbols=["*"])
    one.drain(1.5)
    beats = one.of("heartbeat")
    assert 8 <= len(beats) <= 20
    for beat in beats:
        assert beat["source"] == "live" and beat["dropped"] == 0 and beat["queued"] >= 0
        assert beat["ts"] <= beat["sent_ts"] and abs(beat["ts"] / 1e6 - time.time()) < 60


def test_a_quiet_market_is_live(broker, on_topic, client):
    one = client(on_topic(broker.topic(), "--heartbeat-ms", 100, "--source-stall-ms", 500))
    one.ask("subscribe", symbols=["*"])
    assert one.until("heartbeat", source="live")
    one.drain(1.5)
    assert {beat["source"] for beat in one.of("heartbeat")[-10:]} == {"live"}


def test_control_frames_are_answered(shared_sim, raw):
    one = raw(shared_sim).open()
    one.frame(9, b"payload")
    frames = [one.read_frame() for _ in range(2)]
    assert (10, b"payload") in frames
    one.frame(8, b"\x03\xe8bye")
    assert one.close_code() == 1000
    assert one.ended(5)


def test_fragments_make_one_message_and_may_have_control_frames_between_them(shared_sim, raw):
    one = raw(shared_sim).open()
    one.frame(1, b'{"op":"pi', fin=False)
    one.frame(9, b"between")
    one.frame(0, b'ng","id"', fin=False)
    one.frame(0, b":5}")
    assert one.message()["type"] == "welcome"
    assert one.read_frame() == (10, b"between")
    assert one.until("pong")["id"] == 5


@pytest.mark.parametrize(
    "sent, code",
    [
        (dict(opcode=1, payload=b"{}", mask=None), 1002), (dict(opcode=1, payload=b"{}", rsv=4), 1002),
        (dict(opcode=3), 1002), (dict(opcode=0, payload=b"x"), 1002), (dict(opcode=9, payload=b"x" * 126), 1002),
        (dict(opcode=9, fin=False), 1002), (dict(opcode=1, payload=b"\xff"), 1007),
        (dict(opcode=1, payload=b"\xed\xa0\x80"), 1007), (dict(opcode=8, payload=b"\x03"), 1002),
        (dict(opcode=8, payload=b"\x03\xed"), 1002), (dict(opcode=8, payload=b"\x03\xe8\xff"), 1007),
        (dict(opcode=2, payload=b"\x80"), 1003),
    ],
    ids=str,
)  # fmt: skip
def test_a_violation_of_rfc_6455_closes_with_its_code(shared_sim, raw, sent, code):
    one = raw(shared_sim).open()
    one.frame(**sent)
    assert one.close_code() == code
    assert one.ended(5)


def test_text_frames_on_the_msgpack_subprotocol_close_with_1003(shared_sim, raw):
    one = raw(shared_sim).open(Sec_WebSocket_Protocol="tapehead.msgpack")
    one.text("{}")
    assert one.close_code() == 1003


def test_a_silent_client_is_pinged_and_then_closed(sim, raw):
    server = sim("rate=1,symbols=1", "--ping-ms", 300, "--idle-ms", 1500, "--heartbeat-ms", 0)
    silent, alive = raw(server).open(), raw(server).open()
    assert silent.message()["type"] == alive.message()["type"] == "welcome"
    until = time.monotonic() + 4
    while time.monotonic() < until:
        opcode, payload = alive.read_frame()
        assert opcode == 9
        alive.frame(10, payload)
    assert silent.ended(1)
    alive.text('{"op":"ping"}')
    assert alive.until("pong")
