# SPDX-License-Identifier: MIT
"""Who can't keep up loses the oldest ticks, is told exactly which, and costs nobody else anything."""

import time

import pytest

from account import Account
from server import wait_for

FLOOD = "rate=20000,symbols=4"
SMALL = ("--queue-frames", 64, "--send-buffer", 8192)


def read_for(one, seconds):
    until = time.monotonic() + seconds
    messages = []
    while time.monotonic() < until:
        messages.append(one.message())
    return messages


@pytest.mark.main_path
@pytest.mark.parametrize("protocol", ["tapehead.json", "tapehead.msgpack"])
def test_a_client_that_stops_reading_loses_the_oldest_ticks_and_is_told_exactly_which(sim, raw, client, protocol):
    server = sim(FLOOD, *SMALL)
    slow = raw(server, receive_buffer=4096).open("/ws?symbols=*", Sec_WebSocket_Protocol=protocol)
    time.sleep(2)
    account = Account(read_for(slow, 2))
    assert account.lost() > 1000 and account.received() > 100
    assert {gap["reason"] for gap in account.gaps} == {"slow_client"}


def test_a_client_that_keeps_stopping_and_reading_has_a_complete_account(sim, raw):
    server = sim(FLOOD, *SMALL, "--heartbeat-ms", 100)
    slow = raw(server, receive_buffer=4096).open("/ws?symbols=*")
    messages = []
    for _ in range(5):
        time.sleep(0.5)
        messages += read_for(slow, 0.5)
    account = Account(messages)
    assert len(account.gaps) >= 5
    beats = [message for message in messages if message["type"] == "heartbeat"]
    assert beats and beats[-1]["dropped"] >= account.lost() // 2 > 0


def test_a_stopped_client_takes_nothing_from_those_who_read(sim, raw, client):
    server = sim("rate=1000,symbols=4", "--send-buffer", 8192)
    stopped = [raw(server, receive_buffer=4096).open("/ws?symbols=*") for _ in range(20)]
    reader = client(server)
    reader.ask("subscribe", symbols=["*"])
    account = Account(reader.drain(3))
    assert account.lost() == 0 and account.received() > 1500
    assert len(stopped) == 20


@pytest.mark.main_path
def test_a_client_that_reads_nothing_for_the_stall_time_is_closed(sim, raw, client):
    server = sim("rate=2000,symbols=4", *SMALL, "--stall-ms", 1000)
    stopped = raw(server, receive_buffer=4096).open("/ws?symbols=*")
    reader = client(server)
    reader.ask("subscribe", symbols=["BTC-USD"])
    for _ in range(30):
        reader.drain(0.1)
    assert stopped.ended(1)
    assert wait_for(lambda: server.metrics().sum("tapehead_connections") == 2, 5)  # the reader, and this question
    reader.drain(0.5)
    assert Account(reader.messages).lost() == 0
