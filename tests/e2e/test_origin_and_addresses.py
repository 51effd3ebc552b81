# SPDX-License-Identifier: MIT
"""Who may come: pages of the server's own origin and of those allowed, so many connections of an address, so many a
second; and how often a client may ping."""

import socket
import struct
import time

import pytest

from raw import PING, PONG, Raw, upgrade
from server import wait_for

HOST = "market.example:8080"


def status(raw, server, origin, path="/ws"):
    return raw(server).request(upgrade(path, host=HOST, Origin=origin)).status


@pytest.mark.parametrize("origin", [None, f"http://{HOST}", f"https://{HOST}", "https://MARKET.example:8080"])
def test_pages_of_the_server_itself_and_clients_that_are_no_pages_may_connect(shared_sim, raw, origin):
    assert status(raw, shared_sim, origin) == 101


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "https://market.example", "https://market.example:8081", "https://", "https://*",
     "http://market.example:80801", f"https://{HOST}.evil.example", f"https://evil.example/{HOST}", f"ftp://{HOST}",
     f"https://user@{HOST}", f"http://{HOST}/", HOST],
)  # fmt: skip
def test_pages_of_other_origins_get_403(shared_sim, raw, origin):
    before = shared_sim.closed("origin")
    with Raw(shared_sim.port) as one:
        answer = one.request(upgrade(host=HOST, Origin=origin))
    assert answer.status == 403 and answer.body
    assert wait_for(lambda: shared_sim.closed("origin") == before + 1, 5)


def test_origins_that_are_allowed_may_connect_and_no_others(sim, raw):
    server = sim("rate=10,symbols=2", "--allow-origin", "https://a.example", "--allow-origin", "http://b.example:81",
                 "--enable-echo")  # fmt: skip
    for origin in ("https://a.example", "http://b.example:81", f"http://{HOST}", None):
        assert status(raw, server, origin) == status(raw, server, origin, "/echo") == 101
    for origin in ("http://a.example", "http://b.example", "https://a.example.evil", "https://c.example"):
        assert status(raw, server, origin) == status(raw, server, origin, "/echo") == 403


def test_with_a_star_any_page_may_connect(sim, raw):
    server = sim("rate=10,symbols=2", "--allow-origin", "*")
    assert status(raw, server, "https://evil.example") == status(raw, server, "null") == 101


def test_what_is_no_upgrade_is_answered_whatever_its_origin(shared_sim, raw):
    answer = raw(shared_sim).request(b"GET /v1/symbols HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\n\r\n")
    assert answer.status == 200


def tries(server, source):
    """The status of one upgrade, and its connection; None when it is closed without an answer."""
    one = Raw(server.port, source=source)
    try:
        return one.request(upgrade()).status, one
    except (EOFError, ConnectionError):
        return None, one


@pytest.mark.parametrize("workers", [1, 2])
def test_connections_of_one_address_beyond_its_limit_get_429_with_retry_after_and_others_none(sim, raw, workers):
    server = sim("rate=10,symbols=2", "--address-connections", 3, workers=workers)
    held = [raw(server, source="127.0.0.2").open() for _ in range(3)]
    for data in (upgrade(), b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"):
        with Raw(server.port, source="127.0.0.2") as one:
            answer = one.request(data)
        assert answer.status == 429 and int(answer.headers["retry-after"]) > 0
    assert wait_for(lambda: server.closed("address") == 2, 5)
    other = [raw(server, source="127.0.0.3").open() for _ in range(3)]
    held.pop().close()
    assert wait_for(lambda: tries(server, "127.0.0.2")[0] == 101, 5)
    for one in (*held, *other):
        assert one.message()["type"] == "welcome"


def test_connections_that_end_in_whatever_way_are_no_longer_counted(sim):
    server = sim("rate=10,symbols=2", "--address-connections", 3)
    for n in range(100):
        several = [tries(server, "127.0.0.2")[1] for _ in range(5)]
        for one in several[n % 3 :]:
            one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        for one in several:
            one.close()
    assert wait_for(lambda: server.metrics().sum("tapehead_connections") == 1, 5)  # this question
    statuses = [status for status, _ in [tries(server, "127.0.0.2") for _ in range(5)]]
    assert statuses == [101] * 3 + [429] * 2


def test_an_address_that_opens_connections_too_fast_is_closed_without_an_answer_and_others_arent(sim, raw):
    server = sim("rate=10,symbols=2", "--address-rate", 10)
    begun = time.monotonic()
    got = [tries(server, "127.0.0.2")[0] for _ in range(40)]
    allowed = 10 + 10 * (time.monotonic() - begun)
    assert got[:10] == [101] * 10 and set(got) == {101, None}
    assert got.count(101) <= allowed + 1
    assert tries(server, "127.0.0.3")[0] == 101
    assert server.closed("address") == got.count(None)
    time.sleep(1.1)
    assert [tries(server, "127.0.0.2")[0] for _ in range(10)] == [101] * 10


def test_without_limits_an_address_opens_as_many_as_it_likes(sim, raw):
    server = sim("rate=10,symbols=2")
    assert {tries(server, "127.0.0.2")[0] for _ in range(200)} == {101}


def test_pings_beyond_twice_the_limit_of_commands_close_with_4009(sim, raw):
    server = sim("rate=10,symbols=2", "--max-commands", 10)
    one = raw(server).open()
    one.message()
    for _ in range(20):
        one.frame(PING, b"here")
    assert [one.read_frame() for _ in range(20)] == [(PONG, b"here")] * 20
    # These may straddle two seconds, each with its own allowance.
    for _ in range(60):
        one.frame(PING)
    assert one.close_code() == 4009
    one.close()
    assert wait_for(lambda: server.closed("limit") == 1, 5)


def test_pings_count_as_commands(sim, raw):
    one = raw(sim("rate=10,symbols=2", "--max-commands", 10)).open()
    one.message()
    # At once, so that they fall into one second.
    sent = []
    one.send, send = sent.append, one.send
    for _ in range(10):
        one.frame(PING)
    one.command("ping")
    send(b"".join(sent))
    assert [one.read_frame() for _ in range(10)] == [(PONG, b"")] * 10
    assert one.message()["code"] == "too_many_commands"
