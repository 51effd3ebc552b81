# SPDX-License-Identifier: MIT
"""How a subscription is served: latest passes ticks over, strict would sooner end, and a change of mode is exact."""

import time

import pytest

from account import Account
from server import wait_for

FLOOD = "rate=20000,symbols=4"
SMALL = ("--queue-frames", 64, "--send-buffer", 8192)


def of(messages, symbol, *kinds):
    return [one for one in messages if one["type"] in (kinds or ("trade", "snapshot")) and one["symbol"] == symbol]


@pytest.mark.main_path
@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_latest_with_an_interval_sends_no_symbol_more_often_and_ends_with_the_newest(sim, client, form):
    server = sim("rate=2000,symbols=4")
    one = client(server, form)
    one.ask("subscribe", symbols=["BTC-USD"], mode="latest", interval_ms=200)
    ticks = of(one.drain(2.1), "BTC-USD")
    assert 8 <= len(ticks) <= 12
    seqs = [tick["seq"] for tick in ticks]
    assert seqs == sorted(set(seqs)) and seqs[-1] - seqs[0] > 100
    assert not of(one.messages, "BTC-USD", "gap")


def test_latest_costs_a_slow_client_old_ticks_only_and_no_gap(sim, raw):
    server = sim(FLOOD, *SMALL)
    slow = raw(server, receive_buffer=4096).open("/ws")
    slow.command("subscribe", symbols=["*"], mode="latest")
    time.sleep(2)
    until = time.monotonic() + 2
    messages = []
    while time.monotonic() < until:
        messages.append(slow.message())
    kinds = {message["type"] for message in messages}
    assert "trade" in kinds and "gap" not in kinds
    for symbol in {one["symbol"] for one in messages if one["type"] == "trade"}:
        seqs = [tick["seq"] for tick in of(messages, symbol)]
        assert seqs == sorted(set(seqs))
    # What was sent after the pause is not what waited: nothing waits but the newest.
    last = [one for one in messages if one["type"] == "trade"][-1]
    assert time.time() - last["ts"] / 1e6 < 1
    beat = [one for one in messages if one["type"] == "heartbeat"][-1]
    assert beat["dropped"] == 0 and beat["stalls"] > 0


@pytest.mark.main_path
def test_a_strict_subscription_ends_with_4008_sooner_than_it_loses_a_tick(sim, raw):
    server = sim(FLOOD, *SMALL)
    slow = raw(server, receive_buffer=4096).open("/ws")
    slow.command("subscribe", symbols=["*"], mode="strict")
    time.sleep(1)
    messages, code = slow.until_close()
    assert code in (4008, None)  # None: the socket stayed full for close-ms, and nothing more could be said
    assert not [one for one in messages if one["type"] == "gap"]
    Account(messages)
    assert wait_for(lambda: server.metrics().sum("tapehead_closed_total", reason="strict") == 1, 5)


def test_a_strict_client_that_reads_is_served_as_any(sim, client):
    one = client(sim("rate=2000,symbols=4"))
    one.ask("subscribe", symbols=["*"], mode="strict")
    account = Account(one.trades(3000))
    assert account.lost() == 0


def test_a_change_of_mode_is_exact(sim, client):
    one = client(sim("rate=4000,symbols=4"))
    one.ask("subscribe", symbols=["BTC-USD"], id=1)
    one.drain(0.3)
    one.send("subscribe", symbols=["BTC-USD"], id=2, mode="latest", interval_ms=50)
    one.until("subscribed", id=2)
    before = [at for at, message in enumerate(one.messages) if message.get("id") == 2][0]
    Account(one.messages[:before])
    one.drain(0.5)
    one.send("subscribe", symbols=["BTC-USD"], id=3, mode="strict")
    one.until("subscribed", id=3)
    after = [at for at, message in enumerate(one.messages) if message.get("id") == 3][0]
    passed_over = [tick["seq"] for tick in of(one.messages[before:after], "BTC-USD")]
    assert passed_over == sorted(set(passed_over))
    one.drain(0.5)
    ticks = of(one.messages[after:], "BTC-USD")
    assert ticks[0]["type"] == "snapshot" and ticks[0]["seq"] >= passed_over[-1]
    Account(one.messages[after:])
    assert len(ticks) > 50


def test_an_interval_without_mode_latest_is_refused(sim, client):
    one = client(sim("rate=20,symbols=4"))
    answer = one.ask("subscribe", symbols=["*"], interval_ms=100, id=1)
    assert answer["type"] == "error" and answer["code"] == "bad_field" and "interval_ms" in answer["message"]
