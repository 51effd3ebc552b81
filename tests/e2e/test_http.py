# SPDX-License-Identifier: MIT
"""The plain HTTP side: strict in what it takes, clear in what it refuses, and true in what it tells."""

import math
import threading
import time

import pytest

from raw import Raw, upgrade
from server import Metrics, wait_for
from trades import value


@pytest.mark.parametrize(
    "request_bytes, status",
    [
        (b"POST /ws HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", 426),
        (upgrade(Sec_WebSocket_Version="8"), 426),
        (upgrade(Sec_WebSocket_Key=None), 400),
        (upgrade(Sec_WebSocket_Key="short"), 400),
        (upgrade(Connection="close"), 400),
        (upgrade("/nowhere"), 404),
        (b"GET / HTTP/1.1\r\nHost: x\r\nLong: " + b"y" * 9000 + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * 9000, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 2000, 431),
    ],
    ids=lambda one: repr(one[:60]) if isinstance(one, bytes) else str(one),
)
def test_a_bad_request_is_refused_with_its_status(shared_sim, raw, request_bytes, status):
    answer = raw(shared_sim).request(request_bytes)
    assert answer.status == status
    if status == 426:
        assert answer.headers["sec-websocket-version"] == "13"
    if status == 405:
        assert "GET" in answer.headers["allow"]


def test_a_request_may_come_byte_by_byte(shared_sim, raw):
    one = raw(shared_sim)
    for byte in upgrade("/ws?symbols=*"):
        one.send(bytes([byte]))
    assert one.answer().status == 101
    assert one.message()["type"] == "welcome"


def test_messages_may_come_together_with_the_handshake(shared_sim, raw):
    one = raw(shared_sim)
    payload = b'{"op":"ping","id":1}'
    one.send(upgrade() + bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
    assert one.answer().status == 101
    assert one.message()["type"] == "welcome"
    assert one.until("pong")["id"] == 1


def test_several_requests_go_over_one_connection(shared_sim, raw):
    one = raw(shared_sim)
    for path in ("/healthz", "/v1/symbols", "/healthz"):
        assert one.get(path).status == 200
    assert one.get("/healthz", "HEAD", has_body=False).status == 200
    assert one.get("/healthz").status == 200


def test_requests_that_come_together_are_answered_in_their_order_down_to_what_follows_the_handshake(shared_sim, raw):
    one = raw(shared_sim)
    payload = b'{"op":"ping","id":1}'
    methods = [b"GET", b"HEAD"] * 20
    one.send(b"".join(b"%s /healthz HTTP/1.1\r\nHost: x\r\n\r\n" % method for method in methods)
             + upgrade() + bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload)  # fmt: skip
    answers = [one.answer(has_body=method == b"GET") for method in methods]
    assert {answer.status for answer in answers} == {200} and all(answer.body for answer in answers[::2])
    assert one.answer().status == 101
    assert [one.message()["type"] for _ in range(2)] == ["welcome", "pong"]


def test_more_requests_a_second_than_a_connection_may_make_get_429_and_its_end(sim, raw):
    server = sim("rate=1,symbols=2", "--max-commands", 10)
    one = raw(server)
    one.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 50)  # within two seconds at most
    statuses = []
    while (answer := one.answer()).status == 200:
        statuses.append(answer.status)
    assert 10 <= len(statuses) <= 20 and answer.status == 429 and answer.headers["retry-after"] == "1"
    assert one.ended(5)
    assert wait_for(lambda: server.metrics().sum("tapehead_closed_total", reason="limit") == 1, 5)


def test_a_connection_that_ends_takes_no_other_with_it(sim):
    """The slot of a connection that the server ended goes to the next one, with nothing of the old left in flight."""
    server = sim("rate=50,symbols=5", workers=1)
    until = time.monotonic() + 5
    opened, ended = [], []

    def come_and_go(visit):
        while time.monotonic() < until:
            opened.append(visit)
            try:
                with Raw(server.port) as one:
                    visit(one)
            except (EOFError, ConnectionResetError) as error:
                ended.append(error)

    def ask(one):
        one.request(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    def subscribe(one):
        one.open("/ws?symbols=*")
        assert [one.message()["type"] for _ in range(2)] == ["welcome", "subscribed"]

    threads = [threading.Thread(target=come_and_go, args=(visit,)) for visit in (ask, ask, ask, ask, subscribe)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not ended, f"{len(ended)} of {len(opened)} connections were ended by the server without a word: {ended[0]!r}"


def test_the_page_is_served_at_the_root(shared_sim, raw):
    answer = raw(shared_sim).get("/")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/html")
    assert b"<html" in answer.body and int(answer.headers["content-length"]) == len(answer.body)


@pytest.mark.main_path
def test_symbols_and_last_values_are_told(broker, on_topic):
    topic = broker.topic()
    broker.produce(topic, [value("A", 1, price="1.50"), value("B", 2), value("A", 3, price="2.50")])
    server = on_topic(topic)
    assert wait_for(lambda: server.json("/v1/symbols")["symbols"] == ["A", "B"]), server.get("/v1/symbols")
    assert wait_for(lambda: len(server.json("/v1/last?symbols=*")["last"]) == 2)
    ticks = {tick["symbol"]: tick for tick in server.json("/v1/last?symbols=A,B,UNKNOWN")["last"]}
    assert set(ticks) == {"A", "B"}
    assert (ticks["A"]["price"], ticks["A"]["seq"], ticks["A"]["id"]) == ("2.50", 2, "3")


def test_alive_is_not_yet_ready_and_ready_is_fed(broker, start, on_topic, raw):
    lost = start("--brokers", "127.0.0.1:1", "--topic", "trades", fed=False)
    assert raw(lost).get("/healthz").status == 200
    assert raw(lost).get("/readyz").status == 503
    fed = on_topic(broker.topic())
    assert wait_for(lambda: raw(fed).get("/readyz").status == 200, 15)


def test_warmup_fills_last_values_without_fanning_them_out(broker, start, client, raw):
    topic = broker.topic()
    broker.produce(topic, [value("X", n) for n in range(1, 11)])
    server = start("--brokers", broker.address, "--topic", topic, "--from", "latest", "--warmup", 5)
    assert wait_for(lambda: raw(server).get("/readyz").status == 200, 15)
    (last,) = server.json("/v1/last?symbols=X")["last"]
    assert last["id"] == "10"
    one = client(server)
    one.ask("subscribe", symbols=["X"])
    broker.produce(topic, [value("X", 11)])
    assert one.until("trade")["id"] == "11"
    assert [message["id"] for message in one.of("snapshot")] == ["10"]


@pytest.mark.parametrize(
    "begin, expected", [("earliest", range(1, 11)), ("-3", range(8, 11)), ("2024-08-08T23:54:15.342Z", range(1, 11))]
)
def test_from_says_where_to_begin(broker, start, begin, expected):
    topic = broker.topic()
    broker.produce(topic, [value("X", n) for n in range(1, 11)])
    server = start("--brokers", broker.address, "--topic", topic, "--from", begin)
    assert wait_for(lambda: (server.json("/v1/last?symbols=X")["last"] or [{}])[0].get("id") == "10", 15)
    assert server.json("/v1/last?symbols=X")["last"][0]["seq"] == len(expected)


@pytest.mark.main_path
def test_metrics_are_prometheus_text_and_count_what_happened(broker, on_topic, client, raw):
    topic = broker.topic(partitions=2)
    server = on_topic(topic)
    one = client(server)
    one.ask("subscribe", symbols=["*"])
    broker.produce(topic, [value("X", n) for n in range(100)], partition=0)
    broker.produce(topic, [value("Y", n) for n in range(50)], partition=1)
    one.trades(150)
    answer = raw(server).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    metrics = Metrics(answer.body.decode())
    assert all(name in metrics.helps for name in metrics.types)
    assert metrics.sum("tapehead_deliveries_total") == 150
    assert metrics.sum("tapehead_websockets") == 1
    assert metrics.sum("tapehead_subscriptions") == 1
    assert metrics.sum("tapehead_sent_bytes_total") > 150 * 100
    assert 0 < metrics.sum("tapehead_sends_total") <= 200
    histograms = metrics.histograms()
    assert histograms
    for (family, labels), buckets in histograms.items():
        counts = [count for _, count in buckets]
        assert counts == sorted(counts) and buckets[-1][0] == math.inf, family
        assert metrics.samples[f"{family}_count", labels] == counts[-1]
