# SPDX-License-Identifier: MIT
"""Every limit is refused clearly, and costs only who exceeds it."""

import json

import pytest

from raw import upgrade
from server import wait_for


@pytest.mark.parametrize("workers", [1, 2])
def test_connections_beyond_the_limit_get_503_with_retry_after_before_the_upgrade(sim, raw, workers):
    server = sim("rate=10,symbols=2", "--max-connections", 4, workers=workers)
    held = [raw(server).open() for _ in range(4)]
    answer = raw(server).request(upgrade())
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    held.pop().close()

    def one_fits():
        one = raw(server)
        status = one.request(upgrade()).status
        one.close()
        return status == 101

    assert wait_for(one_fits, 10)


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_subscriptions_beyond_the_limit_are_rejected_one_by_one(sim, client, form):
    one = client(sim("rate=1,symbols=2", "--max-subscriptions", 3), form)
    assert one.ask("subscribe", symbols=["A", "B"])["rejected"] == []
    answer = one.ask("subscribe", id=2, symbols=["B", "C", "D", "X Y", "E"])
    codes = {rejected["symbol"]: rejected["code"] for rejected in answer["rejected"]}
    assert answer["symbols"] == ["B", "C"]
    assert codes == {"D": "too_many_subscriptions", "X Y": "bad_symbol", "E": "too_many_subscriptions"}
    one.ask("unsubscribe", symbols=["A"])
    assert one.ask("subscribe", symbols=["D"])["symbols"] == ["D"]


def test_a_message_beyond_the_limit_closes_with_1009(sim, client, raw):
    server = sim("rate=1,symbols=2", "--max-message-bytes", 1000)
    one = client(server)
    one.send("ping", id="x" * 10, padding="y" * 900)
    assert one.answer()["type"] == "pong"
    one.send("ping", padding="y" * 1000)
    assert one.closing().code == 1009
    other = raw(server).open()
    for _ in range(3):
        other.frame(1 if _ == 0 else 0, b"x" * 400, fin=False)
    assert other.close_code() == 1009


def test_whoever_goes_on_sending_after_its_goodbye_is_read_no_further_than_a_mebibyte(sim, raw):
    server = sim("rate=1,symbols=2", "--close-ms", 60000)
    before = server.metrics().sum("tapehead_received_bytes_total")
    one = raw(server).open()
    one.send(b"\x81\x02{}")  # without a mask
    try:
        for _ in range(1024):
            one.send(bytes(65536))
        sent_all = True
    except (ConnectionError, TimeoutError):
        sent_all = False
    assert not sent_all and wait_for(lambda: server.closed("protocol") == 1, 10)
    assert server.metrics().sum("tapehead_received_bytes_total") - before < 1100 << 10


def test_commands_beyond_the_limit_get_an_error_and_beyond_twice_as_many_a_close(sim, client):
    server = sim("rate=1,symbols=2", "--max-commands", 10)
    one = client(server)
    # These may straddle two seconds, each with its own allowance.
    assert one.send_until_closed("ping", 200).code == 4009
    assert 10 <= len(one.of("pong")) <= 20
    errors = one.of("error")
    assert errors and {error["code"] for error in errors} == {"too_many_commands"}


def test_a_long_command_counts_by_its_length_and_is_taken_whole(sim, client):
    one = client(sim("rate=1,symbols=2", "--max-commands", 10))
    for n in range(6):
        one.send("ping", id=n, padding="y" * 40000)
    answers = [one.answer() for _ in range(6)]
    # These may straddle two seconds, each with its own allowance.
    assert answers[0]["type"] == "pong" and 1 <= sum(answer["type"] == "pong" for answer in answers) <= 2
    assert {answer["code"] for answer in answers if answer["type"] == "error"} == {"too_many_commands"}


def test_commands_within_the_limit_are_all_answered(sim, client):
    one = client(sim("rate=1,symbols=2", "--max-commands", 1000))
    for n in range(900):
        one.send("ping", id=n)
    assert [one.answer()["id"] for _ in range(900)] == list(range(900))


def test_answers_that_others_leave_unread_close_them_and_nobody_else(sim, client, raw):
    server = sim("rate=1000,symbols=100", "--control-budget", 1 << 20, "--heartbeat-ms", 100, workers=1)
    good = client(server)
    good.ask("subscribe", symbols=["*"])
    assert wait_for(lambda: len(server.json("/v1/last")["last"]) > 90)
    deaf = [raw(server, receive_buffer=4096) for _ in range(30)]
    for one in deaf:
        one.send(b"GET /v1/last HTTP/1.1\r\nHost: x\r\n\r\n" * 40)
    assert wait_for(lambda: server.closed("control") > 0)
    before = len(good.of("heartbeat"))
    assert len(good.ask("subscribe", id=2, symbols=[f"S{n}" for n in range(1000)])["symbols"]) == 1000
    good.drain(2)
    assert len(good.of("heartbeat")) > before + 10 and server.closed("control") < 30


def test_messages_that_others_leave_unfinished_close_them_and_nobody_else(sim, client, raw):
    server = sim("rate=1,symbols=2", "--inbox-budget", 1 << 20, workers=1)
    slow = [raw(server).open() for _ in range(16)]
    for one in slow:
        one.send(b"\x01\xfe\xe0\x00\0\0\0\0" + b"{" * 0xe000)
    assert wait_for(lambda: server.metrics().sum("tapehead_received_bytes_total") > 16 * 0xe000)
    good = client(server)
    names = [f"SYMBOL-NUMBER-{n}" for n in range(1000)]
    for n in range(5):
        assert len(good.ask("subscribe", id=n, symbols=names)["symbols"]) == 1000
    assert wait_for(lambda: server.closed("limit") > 0) and server.closed("limit") < 16


def test_symbols_beyond_the_limit_are_refused_and_counted(broker, on_topic, client):
    topic = broker.topic()
    server = on_topic(topic, "--symbols-max", 3)
    one = client(server)
    one.ask("subscribe", symbols=["*"])
    tick = '{"s":"%s","p":"1","q":"1","t":1}'
    broker.produce(topic, [tick % symbol for symbol in "ABCDEABCDE"])
    ticks = [message["symbol"] for message in one.trades(6) if message["type"] == "trade"]
    assert ticks == ["A", "B", "C", "A", "B", "C"]
    assert json.loads(server.get("/v1/symbols"))["symbols"] == ["A", "B", "C"]


def test_a_client_that_never_finishes_its_handshake_is_closed(sim, raw):
    server = sim("rate=1,symbols=2", "--handshake-ms", 500)
    silent, dripping = raw(server), raw(server)
    dripping.send(b"GET /ws HTTP/1.1\r\nHost: x\r\n")
    assert silent.ended(4) and dripping.ended(4)
