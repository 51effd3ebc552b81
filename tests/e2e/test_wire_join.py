# SPDX-License-Identifier: MIT
"""From the tape to the market: a replay goes through the archive, then through what Kafka still holds, then joins the live
ticks, and nobody can tell by what was received where the one ended and the other began.

TAPEHEAD_JOINS is how many joins there are (100; 1,000 with TAPEHEAD_FULL), TAPEHEAD_SEED repeats the dice of a run that failed."""

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from confluent_kafka import TopicPartition

from account import Account
from market import Joined, Load, Witness, matches
from server import Server, tapectl, wait_for
from tapes import SECOND, Reel, instant, row, rows
from test_capture import of_topic, start_capture
from trades import value

FORMS = ["json", "msgpack"]
ROOMY = ("--queue-frames", 65536, "--queue-bytes", 1 << 26)
JOINS = int(os.environ.get("TAPEHEAD_JOINS", 1000 if os.environ.get("TAPEHEAD_FULL") else 100))
SEED = int(os.environ.get("TAPEHEAD_SEED", random.randrange(10**6)))
RATE, PARTITIONS, AT_ONCE = 3000, 4, 6


# ---- what Kafka holds ----


def reached(server, count):
    """Once the server's feed has had so many ticks, and has told how far it is, a replay goes as far."""
    assert wait_for(lambda: server.metrics().sum("tapehead_kafka_offset") == count, 30)
    return server


def by_partition(found):
    """Rows of of_topic(), as a client is told: {partition: [(symbol, pos, price, size, side, id, ts), …]} in order."""
    return {
        partition: [
            (symbol, ":".join(map(str, (partition, offset, *([index] if index else [])))), price, size, side, str(trade_id), ts)
            for (_, _, offset, index), (symbol, price, size, side, trade_id, ts) in held
        ]
        for partition, held in found.items()
    }  # fmt: skip


def played_by_partition(messages, partitions):
    found = {partition: [] for partition in range(partitions)}
    for *exact, _ in rows(messages):
        found[int(exact[1].split(":")[0])].append(tuple(exact))
    return found


@pytest.fixture
def filled(broker):
    """filled(topic, partitions): the load that has written 3,000 ticks or so to it, many of them in arrays."""

    def filled(topic, partitions, seed=1):
        load = Load(broker, topic, partitions, RATE, seed)
        try:
            assert wait_for(lambda: load.count() >= RATE, 30)
        finally:
            load.stop()
        return load

    return filled


def messages_of(load):
    return len({place.rsplit(":", 1)[0] if place.count(":") == 2 else place for places in load.places.values() for place in places})


def test_kafka_s_history_alone_is_played_as_the_topic_holds_it_by_time_then_partition_then_offset(broker, on_topic, filled):
    topic = broker.topic(3)
    load = filled(topic, 3)
    server = reached(on_topic(topic), messages_of(load))
    expected = by_partition(of_topic(broker, topic, 3))
    parties = [Reel(server, "msgpack", deflate) for deflate in (False, True)]
    for one in parties:
        one.replay(speed="max")
        assert played_by_partition(one.messages, 3) == expected
        times = [message["ts_ns"] for message in one.of("trade")]
        assert times == sorted(times)
        assert set(Account(one.of("trade")).first.values()) == {1}
    assert rows(parties[0].messages) == rows(parties[1].messages)
    ticks = parties[0].of("trade")
    one = Reel(server, "msgpack")
    for symbols in (["S0*"], ["S01-USD", "T*"]):
        low, high = sorted(random.Random(SEED).sample(range(len(ticks)), 2))
        one.messages.clear()
        one.replay(symbols, speed="max", **{"from": instant(ticks[low]["ts_ns"]), "to": instant(ticks[high]["ts_ns"])})
        assert rows(one.messages) == [row(it) for it in ticks[low:high] if matches(symbols, it["symbol"])], SEED


def test_the_archive_goes_over_to_kafka_s_history_without_a_hole_or_a_repetition(broker, on_topic, filled, tmp_path):
    topic = broker.topic(3)
    filled(topic, 3)
    done = tapectl("capture", "--brokers", broker.address, "--topic", topic, "--out", tmp_path, "--until-end")
    assert done.returncode == 0, done.stderr
    captured = of_topic(broker, topic, 3)
    filled(topic, 3, seed=2)
    expected = of_topic(broker, topic, 3)
    server = reached(on_topic(topic, "--archive", tmp_path), sum(held[-1][0][2] + 1 for held in expected.values()))
    for form in FORMS:
        one = Reel(server, form)
        one.replay(speed="max")
        unit = 1000 if form == "json" else 1
        assert played_by_partition(one.messages, 3) == {
            partition: [(*exact, ts // unit * unit) for *exact, ts in held] for partition, held in by_partition(expected).items()
        }
        assert set(Account(one.of("trade")).first.values()) == {1}
    # What the archive has may be gone from Kafka: it isn't asked for it.
    ends = [TopicPartition(topic, partition, held[-1][0][2] + 1) for partition, held in captured.items()]
    for future in broker.admin().delete_records(ends).values():
        future.result(30)
    again = Reel(server, form)
    again.replay(speed="max")
    assert rows(again.messages) == rows(one.messages) and not again.of("error")


def test_what_neither_the_archive_nor_kafka_holds_any_longer_is_told_with_partition_and_offsets(broker, on_topic, tmp_path):
    topic = broker.topic()
    broker.produce(topic, [value("A", n) for n in range(10)])
    assert tapectl("capture", "--brokers", broker.address, "--topic", topic, "--out", tmp_path, "--until-end").returncode == 0
    broker.produce(topic, [value("A", n) for n in range(10, 30)])
    for future in broker.admin().delete_records([TopicPartition(topic, 0, 17)]).values():
        future.result(30)
    server = reached(on_topic(topic, "--archive", tmp_path), 30)
    one = Reel(server)
    one.replay(speed="max", id=4)
    (place,) = [n for n, message in enumerate(one.messages) if message["type"] == "error"]
    error = one.messages[place]
    assert (error["code"], error["id"]) == ("replay_damage", 4) and "partition=0 offsets 10 to 16" in error["message"], error
    assert [it["id"] for it in one.messages[:place] if it["type"] == "trade"] == [str(n) for n in range(10)]
    assert [it["id"] for it in one.messages[place:] if it["type"] == "trade"] == [str(n) for n in range(17, 30)]


def test_a_message_that_is_no_tick_is_told_in_its_place(broker, on_topic):
    topic = broker.topic()
    broker.produce(topic, [value("A", 0), "nonsense", value("A", 2)])
    one = Reel(reached(on_topic(topic), 3))
    one.replay(speed="max", id=4)
    told = [message.get("code") or message.get("id") for message in one.messages if message["type"] in ("trade", "error")]
    assert told == ["0", "replay_damage", "2"]
    (error,) = one.of("error")
    assert "offset 1" in error["message"], error


def test_several_topics_are_numbered_as_on_the_live_side(broker, start, tmp_path):
    topics = [broker.topic(2), broker.topic(2)]
    for place, topic in enumerate(topics):
        for partition in range(2):
            broker.produce(topic, [value(f"X{place}{partition}", n) for n in range(20)], partition=partition)
    arguments = ("--brokers", broker.address, "--topic", ",".join(topics))
    assert tapectl("capture", *arguments, "--out", tmp_path, "--until-end").returncode == 0
    broker.produce(topics[1], [value("X11", n) for n in range(20, 25)], partition=1)
    server = reached(start(*arguments, "--from", "earliest", "--archive", tmp_path), 85)
    one = Reel(server)
    one.begin(speed="max", then="live")
    one.until("replay", state="live")
    expected = {f"X{n}{p}": [f"{n * 4096 + p}:{offset}" for offset in range(25 if n and p else 20)] for n in range(2) for p in range(2)}
    assert {symbol: [it["pos"] for it in its] for symbol, its in Account(one.of("trade")).ticks.items()} == expected
    snapshots = {one.until("snapshot")["symbol"] for _ in range(4)}
    assert snapshots == set(expected)
    live = {it["symbol"]: (it["pos"], it["seq"], it["rts"]) for it in server.json("/v1/last")["last"]}
    assert {it["symbol"]: (it["pos"], it["seq"], it["rts"]) for it in one.of("snapshot")} == live


# ---- and then live ----


def test_whoever_has_joined_has_ordinary_subscriptions_and_may_replay_again(broker, on_topic):
    topic = broker.topic()
    broker.produce(topic, [value("ABC"[n % 3], n) for n in range(60)])
    server = reached(on_topic(topic), 60)
    one = Reel(server)
    for _ in range(3):
        mark = len(one.messages)
        assert one.begin(["A", "B*"], id="r", speed="max", then="live")["state"] == "playing"
        live = one.until("replay", state="live")
        assert (live["id"], live["ticks"], "at" in live) == ("r", 40, False)
        assert {one.until("snapshot")["seq"], one.until("snapshot")["seq"]} == {20}
        assert [it["seq"] for it in one.messages[mark:] if it["type"] == "trade"] == [n // 2 + 1 for n in range(40)]
        assert sorted(one.ask("list")["symbols"]) == ["A", "B*"]
        assert one.ask("pause")["code"] == "no_replay" and one.ask("replay", symbols=["A"])["code"] == "busy"
        assert one.ask("unsubscribe", symbols=["B*"])["symbols"] == ["B*"]
        assert one.ask("subscribe", symbols=["C"])["type"] == "subscribed" and one.until("snapshot")["symbol"] == "C"
        assert one.ask("unsubscribe")["type"] == "unsubscribed"


def test_a_broker_that_is_gone_for_a_while_in_the_middle_of_a_replay_costs_it_no_tick(own_broker, start):
    topic = own_broker.topic()
    count = 20000
    own_broker.produce(topic, [value("A", n, t=10**18 + n * 10**5) for n in range(count)])
    server = start("--brokers", own_broker.address, "--topic", topic, "--from", "earliest", "--replay-rate", 10000)
    one = Reel(reached(server, count))
    one.begin(speed="max")
    one.more(3000)
    own_broker.kill()
    one.drain(1)
    own_broker.start()
    one.until("replay", 60, state="ended")
    assert [it["id"] for it in one.of("trade")] == [str(n) for n in range(count)]
    assert not one.of("error")


# ---- a thousand joins ----


@pytest.fixture(scope="module")
def market(broker, tmp_path_factory):
    """A load on a topic, a capture of it, and two servers, of which one has the capture as its archive and a short memory; each
    with an ordinary subscriber: {name: server}, load, [witness, …]."""
    topic, folder = broker.topic(PARTITIONS), tmp_path_factory.mktemp("tapes")
    kafka = ("--brokers", broker.address, "--topic", topic, "--from", "earliest", "--replays", 16, *ROOMY)
    with ExitStack() as ends:
        servers = {"Kafka alone": Server(*kafka), "archive and Kafka": Server(*kafka, "--archive", folder, "--history-ticks", 4096)}
        for server in servers.values():
            ends.callback(server.stop)
        ends.callback(end_capture, start_capture(broker, topic, folder, "--flush-ms", 300, "--rotate-mb", 1))
        load = Load(broker, topic, PARTITIONS, RATE, SEED)
        witnesses = [Witness(Reel(server, "msgpack"), load) for server in servers.values()]
        for witness in witnesses:
            ends.callback(witness.stop)
        ends.callback(load.stop)
        assert wait_for(lambda: load.count() > 4 * RATE, 30)
        yield servers, load, witnesses


def end_capture(capture):
    capture.send_signal(signal.SIGTERM)
    _, problems = capture.communicate(timeout=30)
    assert capture.returncode == 0, problems


class Plan:
    """One join, by dice."""

    def __init__(self, dice):
        self.form = dice.choice(FORMS)
        self.server = dice.choice(["Kafka alone", "archive and Kafka"])
        self.patterns = dice.choice([["S03-USD"], ["T*"], ["S0*"], ["S01-USD", "T3-EUR", "S1*"], ["*"]])
        self.back_ns = int(dice.choice([0.05, 0.5, 1, 3]) * dice.random() * SECOND)
        self.speed = dice.choice(["max", "max", "max", 50])
        self.deflate = dice.random() < 0.25
        self.slow_s = dice.choice([0, 0, 0, 0.2, 0.5])
        self.slow_at = dice.randrange(300)
        self.pause_at = dice.choice([-1, -1, dice.randrange(1000)])

    def __repr__(self):
        return f"{vars(self)}"


def join(plan, server, load):
    """Returns how many ticks came from the tape, and live."""
    one = Reel(server, plan.form, plan.deflate, receive_buffer=16384 if plan.slow_s else None)
    since_us = (time.time_ns() - plan.back_ns) // 1000
    joined = Joined(load, plan.patterns, since_us * 1000)
    one.send("replay", id="join", symbols=plan.patterns, speed=plan.speed, then="live", **{"from": since_us})
    until, n, deadline = None, 0, time.monotonic() + 120
    while not until or n % 16 or not joined.has_all(until):
        if n == plan.slow_at:
            time.sleep(plan.slow_s)
        if n == plan.pause_at and joined.state == "playing":
            one.send("pause")
        message = one.next()
        joined.take(message)
        if message.get("state") == "paused":
            one.send("resume")
        if joined.state == "live" and not until:
            until = load.counts(plan.patterns)
        one.messages.clear()
        n += 1
        assert time.monotonic() < deadline, f"{joined}, of {until}"
    one.send("unsubscribe")
    while (message := one.next())["type"] != "unsubscribed":
        joined.take(message)
    assert sorted(message["symbols"]) == sorted(plan.patterns)
    one.vanish()
    return joined.replayed, joined.lived


@pytest.mark.timeout(3600)
@pytest.mark.main_path
def test_whoever_comes_from_the_tape_at_any_instant_under_load_has_every_tick_once_from_the_first_to_the_last(market, figure):
    servers, load, witnesses = market
    dice, begun = random.Random(SEED), time.monotonic()
    plans = [Plan(dice) for _ in range(JOINS)]

    def run(plan):
        try:
            return join(plan, servers[plan.server], load)
        except Exception as problem:
            raise AssertionError(f"TAPEHEAD_SEED={SEED}, {plan}") from problem

    with ThreadPoolExecutor(AT_ONCE) as pool:
        counts = list(pool.map(run, plans))
    took = time.monotonic() - begun
    seen = sum(witness.count() for witness in witnesses)
    replayed, lived = (sum(count[i] for count in counts) for i in (0, 1))
    figure(f"{len(counts)} joins at random instants under {load.count() / load_seconds(load):.0f} ticks/s (seed {SEED}): {replayed} ticks "
           f"replayed and {lived} live, every account complete; {seen} beside them; {took:.0f} s")  # fmt: skip


def load_seconds(load):
    first = min(times[0] for times in list(load.times.values()))
    return (load.last_ns - first) / SECOND


def test_at_speed_1_a_replay_keeps_its_distance_and_at_once_it_is_there(market):
    servers, load, _ = market
    one = Reel(servers["Kafka alone"], "msgpack")
    since_ns = time.time_ns() - 2 * SECOND
    joined = Joined(load, ["*"], since_ns)
    one.send("replay", symbols=["*"], then="live", **{"from": instant(since_ns)})
    until = time.monotonic() + 3
    while time.monotonic() < until:
        message = one.next()
        joined.take(message)
        if message["type"] == "trade":
            assert time.time_ns() - message["ts_ns"] > 1.5 * SECOND
    assert joined.state == "playing" and joined.replayed > RATE
    one.send("speed", speed="max")
    states = []
    while joined.state != "live":
        message = one.next()
        states += [message["state"]] if message["type"] == "replay" else []
        if message.get("state") != "playing":
            joined.take(message)
    assert states == ["playing", "live"]
    until = load.counts(["*"])
    while not joined.has_all(until):
        joined.take(one.next())


def test_members_of_a_group_go_over_to_live_each_when_it_is_there(market):
    servers, load, _ = market
    since_ns = time.time_ns() - 2 * SECOND
    parties = [(Reel(servers["Kafka alone"], "msgpack"), Joined(load, patterns, since_ns)) for patterns in (["S0*"], ["T*", "S1*"])]
    for one, joined in parties:
        one.send("replay", symbols=joined.patterns, then="live", group="g", speed="max", **{"from": instant(since_ns)})
    for one, joined in parties:
        while joined.state != "live":
            message = one.next()
            if message["type"] == "trade" and joined.state == "playing" and not joined.last:
                joined.since_ns = max(since_ns, message["ts_ns"])  # whoever came second began where the first was
            joined.take(message)
        until = load.counts(joined.patterns)
        while not joined.has_all(until):
            joined.take(one.next())
