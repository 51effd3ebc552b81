# SPDX-License-Identifier: MIT
"""The broker may be killed under load and grow partitions: nothing is lost, nothing is doubled, heartbeats tell."""

import threading
import time

import pytest

from account import Account
from trades import value

SYMBOLS = 4  # a partition


class Load:
    """Writes ticks at a steady rate until told to stop, and through a broker's death; counts them per symbol."""

    def __init__(self, broker, topic):
        self.topic = topic
        self.producer = broker.producer(**{"message.timeout.ms": 120000})
        self.partitions = 2
        self.sent = {}
        self.failed = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stopping.wait(0.01):
            for partition in range(self.partitions):
                self._send(partition)
            self.producer.poll(0)
        assert self.producer.flush(60) == 0

    def _send(self, partition):
        """Each symbol lives in one partition, so its order is the broker's promise."""
        symbol = f"P{partition}-{sum(self.sent.values()) % SYMBOLS}"
        n = self.sent[symbol] = self.sent.get(symbol, 0) + 1
        self.producer.produce(
            self.topic, value(symbol, n), partition=partition,
            on_delivery=lambda error, _: error and self.failed.append(error),
        )  # fmt: skip

    def grow(self, partitions):
        """Writes to added partitions too, as soon as its own client has heard of them."""
        while len(self.producer.list_topics(self.topic, timeout=10).topics[self.topic].partitions) < partitions:
            time.sleep(0.1)
        self.partitions = partitions

    def stop(self):
        self.stopping.set()
        self.thread.join(90)


def wait_for_source(client, *states, timeout=45):
    """Reads on until a heartbeat names one of the states."""
    until = time.monotonic() + timeout
    seen = set()
    while time.monotonic() < until:
        state = client.until("heartbeat", timeout=10)["source"]
        if state in states:
            return state
        seen.add(state)
    raise AssertionError(f"heartbeats said {seen}, never {states}")


@pytest.mark.main_path
@pytest.mark.timeout(240)
def test_nothing_is_lost_or_doubled_when_the_broker_is_killed_and_when_partitions_are_added(
    own_broker, start, client, figure
):
    topic = own_broker.topic(partitions=2)
    server = start("--brokers", own_broker.address, "--topic", topic, "--from", "earliest", "--heartbeat-ms", 100,
                   "--queue-frames", 65536, "--partition-refresh-ms", 500, "--source-stall-ms", 1000)  # fmt: skip
    watcher = client(server)
    watcher.ask("subscribe", symbols=["*"])
    load = Load(own_broker, topic)
    try:
        wait_for_source(watcher, "live")
        time.sleep(1)
        own_broker.kill()
        down = wait_for_source(watcher, "stalled", "lost")
        assert server.running()
        time.sleep(1)
        own_broker.start()
        wait_for_source(watcher, "live")
        time.sleep(1)
        own_broker.add_partitions(topic, 4)
        load.grow(4)
        time.sleep(3)
    finally:
        load.stop()
    assert not load.failed, load.failed[0]

    try:
        watcher.trades(sum(load.sent.values()))
    except TimeoutError:
        pass  # what is missing, and where, the account tells
    account = Account(watcher.messages)
    account.require_all(load.sent)
    assert account.lost() == 0
    for symbol, ticks in account.ticks.items():
        assert [int(tick["id"]) for tick in ticks] == list(range(1, load.sent[symbol] + 1)), symbol
    assert {symbol[:2] for symbol in account.ticks} == {"P0", "P1", "P2", "P3"}
    figure(f"broker killed under load: {account.received()} ticks, none lost, none doubled; heartbeats live, {down}, live")


def test_a_server_started_before_its_broker_serves_once_the_broker_is_there(own_broker, start, client):
    topic = own_broker.topic()
    own_broker.stop()
    server = start("--brokers", own_broker.address, "--topic", topic, "--from", "earliest", "--heartbeat-ms", 100,
                   fed=False)  # fmt: skip
    one = client(server)
    one.ask("subscribe", symbols=["*"])
    assert one.until("heartbeat")["source"] != "live"
    own_broker.start()
    own_broker.produce(topic, [value("X", 1)])
    assert one.until("trade", timeout=40)["id"] == "1"
    wait_for_source(one, "live")


def test_a_topic_that_appears_later_is_picked_up(broker, start, client):
    topic = broker.topic() + "-later"
    server = start("--brokers", broker.address, "--topic", topic, "--from", "earliest", "--partition-refresh-ms", 300,
                   fed=False)  # fmt: skip
    one = client(server)
    one.ask("subscribe", symbols=["*"])
    broker.create(topic)
    broker.produce(topic, [value("X", 1)])
    assert one.until("trade", timeout=40)["seq"] == 1
