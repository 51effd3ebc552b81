# SPDX-License-Identifier: MIT
"""SIGTERM and SIGINT: everyone is told, everyone is closed properly, the exit status is 0."""

import signal
import time

import pytest

from account import Account
from clients import Closed


@pytest.mark.main_path
def test_sigterm_tells_a_thousand_subscribers_and_closes_each_with_1001(sim, crowd, figure):
    server = sim("rate=5,symbols=20", "--max-connections", 2000)
    subscribers = crowd(server, 1000, timeout=120)
    time.sleep(1)
    begun = time.monotonic()
    server.signal(signal.SIGTERM)
    summary = subscribers.summary()
    assert server.wait() == 0
    took = time.monotonic() - begun
    assert summary["shutdown"] == 1000 and summary["closed"] == {"1001": 1000}, summary
    assert summary["holes"] == [] and summary["errors"] == []
    figure(f"SIGTERM with 1,000 subscribers: {summary['shutdown']} shutdown messages, 1001 for all, {took:.2f} s, status 0")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_the_last_words_are_shutdown_and_a_close_with_1001(sim, client, number, form):
    server = sim("rate=500,symbols=5", "--reconnect-ms", 4000)
    one = client(server, form)
    one.ask("subscribe", symbols=["*"])
    one.trades(20)
    server.signal(number)
    with pytest.raises(Closed) as closed:
        while True:
            one.next()
    assert closed.value.code == 1001
    (shutdown,) = one.of("shutdown")
    assert shutdown["reconnect_ms"] == [0, 4000]
    Account(one.messages)
    assert server.wait() == 0


def test_a_client_that_reads_nothing_does_not_hold_up_the_end_beyond_the_drain_time(sim, raw):
    server = sim("rate=20000,symbols=4", "--drain-ms", 500, "--send-buffer", 8192)
    stopped = raw(server, receive_buffer=4096).open("/ws?symbols=*")
    time.sleep(1)
    begun = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert time.monotonic() - begun < 5
    assert stopped.ended(2)


def test_a_server_that_was_stopped_can_start_again_on_its_port_at_once(sim, client):
    server = sim("rate=100,symbols=2")
    client(server).ask("subscribe", symbols=["*"])
    server.stop()
    again = sim("rate=100,symbols=2", port=server.port)
    assert again.port == server.port and client(again).welcome


def test_sigterm_while_the_broker_is_out_of_reach_ends_with_0(start):
    server = start("--brokers", "127.0.0.1:1", "--topic", "t", fed=False)
    time.sleep(0.5)
    begun = time.monotonic()
    server.stop()
    assert time.monotonic() - begun < 8
