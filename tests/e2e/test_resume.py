# SPDX-License-Identifier: MIT
"""A client that comes back with the position it had, to the same server or to another, misses nothing and gets nothing twice."""

import random
import subprocess
import time

import msgpack
import pytest

from account import Account
from server import TAPECTL, environment, wait_for

SYMBOL = "BTC-USD"


def ticks(messages, symbol=SYMBOL):
    return [one for one in messages if one["type"] in ("trade", "snapshot") and one["symbol"] == symbol]


@pytest.fixture
def flow(broker):
    """Simulated trades to a topic while a test runs: flow(topic, rate)."""
    running = []

    def flow(topic, rate):
        command = [TAPECTL, "gen", "--brokers", broker.address, "--topic", topic, "--rate", str(rate),
                   "--duration", "60", "--symbols", "5"]  # fmt: skip
        running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        env=environment()))

    yield flow
    for one in running:
        one.terminate()
        one.wait(30)


@pytest.mark.main_path
@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_a_resume_joins_what_was_missed_to_the_live_ticks_without_a_seam(sim, client, form):
    server = sim("rate=5000,symbols=5")
    first = client(server, form)
    first.ask("subscribe", symbols=[SYMBOL])
    have = ticks(first.trades(500))
    for _ in range(10):
        time.sleep(random.uniform(0, 0.2))
        again = client(server, form)
        again.ask("subscribe", symbols=[SYMBOL], since={SYMBOL: have[-1]["pos"]})
        have += ticks(again.trades(300))
        again.close()
    assert [tick["seq"] for tick in have] == list(range(have[0]["seq"], have[0]["seq"] + len(have)))
    assert not [tick for tick in have[1:] if tick["type"] == "snapshot"]


def test_a_resume_from_before_what_is_kept_begins_with_a_gap_that_says_so(sim, client):
    server = sim("rate=5000,symbols=5", "--history-ticks", 2000)
    first = client(server)
    first.ask("subscribe", symbols=[SYMBOL])
    old = ticks(first.trades(100))[-1]["pos"]
    time.sleep(1.5)
    again = client(server)
    again.ask("subscribe", symbols=[SYMBOL], since={SYMBOL: old})
    again.drain(0.5)
    account = Account(again.messages)
    gap = account.gaps[0]
    assert gap["reason"] == "history" and gap["from"] == 1 and len(account.gaps) == 1
    assert ticks(again.messages)[0]["seq"] == gap["to"] + 1


def test_what_lies_ahead_of_this_server_is_not_sent_again(sim, client):
    server = sim("rate=2000,symbols=5")
    one = client(server)
    one.ask("subscribe", symbols=[SYMBOL])
    now = int(ticks(one.trades(100))[-1]["pos"].split(":")[1])
    ahead = now + 3000
    two = client(server)
    two.ask("subscribe", symbols=[SYMBOL], since={SYMBOL: f"0:{ahead}"})
    two.trades(10)
    positions = [int(tick["pos"].split(":")[1]) for tick in ticks(two.messages)]
    assert positions[0] > ahead
    Account(two.messages)


@pytest.mark.main_path
def test_a_client_moves_from_one_server_to_another_and_misses_nothing(broker, flow, start, client):
    topic = broker.topic(partitions=3)
    flow(topic, 2000)
    here = start("--brokers", broker.address, "--topic", topic, "--from", "earliest")
    assert wait_for(lambda: SYMBOL in here.json("/v1/symbols")["symbols"])
    time.sleep(1)
    there = start("--brokers", broker.address, "--topic", topic, "--from", "latest", "--warmup", 100000)
    have, server = [], here
    position = None
    for turn in range(6):
        one = client(server)
        since = {"since": {SYMBOL: position}} if position else {}
        assert one.ask("subscribe", symbols=[SYMBOL], **since)["type"] == "subscribed"
        have += ticks(one.trades(400))
        assert not [message for message in one.messages if message["type"] == "gap"]
        position = have[-1]["pos"]
        one.close()
        server = there if server is here else here
    offsets = [int(tick["pos"].split(":")[1]) for tick in have]
    assert offsets == sorted(set(offsets))
    # The whole is what the topic holds of the symbol between the first and the last of them: as many, and the same.
    stored = broker.read(topic)
    ids = [str(tick["id"]) for tick in map(msgpack.unpackb, stored) if tick["s"] == SYMBOL]
    begin = ids.index(have[0]["id"])
    assert [tick["id"] for tick in have] == ids[begin : begin + len(have)]
