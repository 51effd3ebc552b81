# SPDX-License-Identifier: MIT
"""tapectl capture: what is in a topic is in the files, once, whatever happens to the process."""

import json
import os
import random
import signal
import subprocess
import threading
import time

import msgpack
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

import tape
from server import TAPECTL, environment, tapectl
from trades import Tape, value


def start_capture(broker, topic, folder, *arguments):
    return subprocess.Popen(
        [TAPECTL, "capture", "--brokers", broker.address, "--topic", topic, "--out", str(folder), *map(str, arguments)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip


def capture(broker, topic, folder, *arguments):
    return tapectl("capture", "--brokers", broker.address, "--topic", topic, "--out", folder, *arguments)


def decimal(digits, exponent):
    """The text of mantissa and exponent, in no float."""
    if exponent >= 0:
        return str(digits * 10**exponent)
    text = str(abs(digits)).rjust(1 - exponent, "0")
    return ("-" if digits < 0 else "") + text[:exponent] + "." + text[exponent:]


def as_captured(tick):
    topic, partition, offset, *index = tick["pos"]
    return (topic, partition, offset, *(index or [0])), (
        tick["s"], decimal(*tick["p"]), decimal(*tick["q"]), tick["side"], tick["id"], tick["t"],
    )  # fmt: skip


def of_topic(broker, topic, partitions):
    """{partition: [(position, tick)]} of what a topic holds, read by no code of ours."""
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "none", "enable.auto.commit": False})
    found = {}
    for partition in range(partitions):
        place = TopicPartition(topic, partition, OFFSET_BEGINNING)
        _, end = consumer.get_watermark_offsets(place, timeout=10)
        consumer.assign([place])
        rows, at = found.setdefault(partition, []), 0
        while at < end:
            for message in consumer.consume(min(5000, end - at), timeout=10):
                at = message.offset() + 1
                raw = message.value()
                if raw[:1] == b"x":
                    continue
                held = msgpack.unpackb(raw) if raw[0] >= 0x80 else json.loads(raw)
                for index, tick in enumerate(held if isinstance(held, list) else [held]):
                    words = (tick["s"], tick["p"], tick["q"], tick["side"], tick["id"], tick["t"])
                    rows.append(((topic, partition, message.offset(), index), words))
    consumer.close()
    return found


def of_files(folder):
    found = {}
    for tick in tape.series(folder):
        position, words = as_captured(tick)
        found.setdefault(position[1], []).append((position, words))
    return found


class Load:
    """Writes to three partitions until stopped: single ticks and arrays, JSON and msgpack, and now and then what is no tick."""

    def __init__(self, broker, topic, seed):
        self.broker, self.topic, self.random = broker, topic, random.Random(seed)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _tick(self, n):
        digits = self.random.randrange(10**9)
        return {"s": f"S{n % 40}-USD", "p": f"{digits // 10**4}.{digits % 10**4:04}", "q": f"0.{digits % 10**6:06}0",
                "side": "buy" if n % 2 else "sell", "id": n, "t": 1723161255342000000 + n}  # fmt: skip

    def _run(self):
        producer, n = self.broker.producer(), 0
        while not self.stopping.is_set():
            for _ in range(100):
                count = self.random.choice([1, 1, 1, 7, 60])
                held = [self._tick(n + i) for i in range(count)]
                n += count
                held = held[0] if count == 1 else held
                raw = msgpack.packb(held) if n % 3 else json.dumps(held)
                producer.produce(self.topic, "x" if self.random.random() < 0.01 else raw, partition=self.random.randrange(3))
            producer.poll(0)
            time.sleep(0.05)
        assert producer.flush(30) == 0

    def stop(self):
        self.stopping.set()
        self.thread.join()


@pytest.mark.main_path
def test_a_capture_killed_again_and_again_under_load_has_each_tick_once_in_order_to_the_last_digit(broker, tmp_path, figure):
    topic, folder, seed = broker.topic(3), tmp_path / "tapes", random.randrange(10**6)
    dice, kills = random.Random(seed), 25
    load = Load(broker, topic, seed)
    try:
        for _ in range(kills):
            process = start_capture(broker, topic, folder, "--rotate-mb", 1, "--flush-ms", dice.choice([1, 20, 300]))
            time.sleep(dice.uniform(0.05, 1))
            process.kill()
            _, stderr = process.communicate()
            assert process.returncode == -signal.SIGKILL, stderr
    finally:
        load.stop()
    done = capture(broker, topic, folder, "--until-end", "--rotate-mb", 1)
    assert done.returncode == 0, done.stderr
    expected, found = of_topic(broker, topic, 3), of_files(folder)
    for partition in range(3):
        assert found[partition] == expected[partition], f"seed {seed}"
    assert not [path for path in folder.glob("*.tape") if tapectl("verify", path).returncode]
    count, files = sum(map(len, expected.values())), len(list(folder.glob("*.tape")))
    figure(f"capture: {count} ticks in {files} files, {kills} times killed (seed {seed}): each there once")


def test_a_broker_killed_under_load_costs_the_capture_no_tick_and_doubles_none(own_broker, tmp_path):
    topic, folder = own_broker.topic(3), tmp_path / "tapes"
    load = Load(own_broker, topic, 1)
    process = start_capture(own_broker, topic, folder, "--flush-ms", 100)
    try:
        time.sleep(2)
        own_broker.kill()
        time.sleep(1)
        own_broker.start()
        time.sleep(2)
    finally:
        load.stop()
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 0, stdout + stderr
    assert capture(own_broker, topic, folder, "--until-end").returncode == 0
    assert of_files(folder) == of_topic(own_broker, topic, 3)


def test_recorded_trades_are_in_the_files_with_the_digits_of_their_source(broker, tmp_path):
    recorded = Tape.recorded()
    if not recorded:
        pytest.skip("the recorded trades are not beside the checkout")
    topic, folder = broker.topic(4), tmp_path / "tapes"
    assert tapectl("import", "--brokers", broker.address, "--topic", topic, recorded.path).returncode == 0
    done = capture(broker, topic, folder, "--until-end", "--rotate-mb", 1)
    assert done.returncode == 0, done.stderr
    found = Tape()
    for tick in tape.series(folder):
        found.add(tick["s"], decimal(*tick["p"]), decimal(*tick["q"]), tick["side"], tick["id"], tick["t"])
    assert found.symbols == recorded.symbols


def test_a_capture_that_is_stopped_ends_well_and_goes_on_in_the_next_file(broker, tmp_path):
    topic, folder = broker.topic(), tmp_path / "tapes"
    broker.produce(topic, [value("A", n) for n in range(10)])
    process = start_capture(broker, topic, folder)
    until = time.monotonic() + 20
    while not list(folder.glob("*.tape")) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 0 and "ticks=10 files=1" in stdout, stdout + stderr
    broker.produce(topic, [value("A", n) for n in range(10, 15)])
    done = capture(broker, topic, folder, "--until-end")
    assert "ticks=5 files=1" in done.stdout, done.stdout + done.stderr
    assert [path.name for path in sorted(folder.glob("*"))] == [f"{topic}-000001.tape", f"{topic}-000002.tape"]
    assert [tick["id"] for tick in tape.series(folder)] == list(range(15))
    again = capture(broker, topic, folder, "--until-end")
    assert "ticks=0 files=0" in again.stdout, again.stdout + again.stderr


def test_from_latest_holds_the_first_time_only_so_that_nothing_is_missed_between_two_runs(broker, tmp_path):
    topic, folder = broker.topic(2), tmp_path / "tapes"
    broker.produce(topic, [value("OLD", n) for n in range(10)], partition=0)
    broker.produce(topic, [value("OLD", n) for n in range(10)], partition=1)
    process = start_capture(broker, topic, folder, "--from", "latest", "--flush-ms", 20)
    until = time.monotonic() + 20
    while not list(folder.glob("*.tape")) and time.monotonic() < until:
        broker.produce(topic, [value("NEW", 1)], partition=0)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    broker.produce(topic, [value("BETWEEN", 1)], partition=0)
    broker.produce(topic, [value("BETWEEN", 2)], partition=1)
    broker.add_partitions(topic, 3)
    broker.produce(topic, [value("BETWEEN", 3)], partition=2)
    done = capture(broker, topic, folder, "--from", "latest", "--until-end")
    assert done.returncode == 0, done.stderr
    symbols = [(tick["s"], tick["pos"][1]) for tick in tape.series(folder)]
    assert ("OLD", 0) not in symbols and ("OLD", 1) not in symbols
    assert sorted(s for s in symbols if s[0] == "BETWEEN") == [("BETWEEN", partition) for partition in range(3)]


def test_what_kafka_deleted_before_it_was_captured_is_told(broker, tmp_path):
    topic, folder = broker.topic(), tmp_path / "tapes"
    broker.produce(topic, [value("A", n) for n in range(10)])
    assert capture(broker, topic, folder, "--until-end").returncode == 0
    broker.produce(topic, [value("A", n) for n in range(10, 20)])
    for future in broker.admin().delete_records([TopicPartition(topic, 0, 15)]).values():
        future.result(30)
    done = capture(broker, topic, folder, "--until-end")
    assert "deleted=5 " in done.stdout and "deleted 5 messages" in done.stderr
    assert [tick["id"] for tick in tape.series(folder)] == [*range(10), *range(15, 20)]


def test_a_topic_made_anew_is_captured_from_its_beginning_and_that_is_told(broker, tmp_path):
    topic, folder = broker.topic(), tmp_path / "tapes"
    broker.produce(topic, [value("A", n) for n in range(10)])
    assert capture(broker, topic, folder, "--until-end").returncode == 0
    for future in broker.admin().delete_topics([topic]).values():
        future.result(30)
    time.sleep(1)
    broker.create(topic)
    broker.produce(topic, [value("B", n) for n in range(3)])
    done = capture(broker, topic, folder, "--until-end")
    assert "goes back" in done.stderr and "went_back=1" in done.stdout, done.stdout + done.stderr
    assert [tick["s"] for tick in tape.series(folder)] == ["A"] * 10 + ["B"] * 3
    assert "ticks=0" in capture(broker, topic, folder, "--until-end").stdout


def test_two_captures_to_one_folder_are_one_too_many(broker, tmp_path):
    topic = broker.topic()
    process = start_capture(broker, topic, tmp_path / "tapes")
    until = time.monotonic() + 20
    while not (tmp_path / "tapes").exists() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.2)
    second = capture(broker, topic, tmp_path / "tapes", "--until-end")
    assert second.returncode == 1 and "another process" in second.stderr
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]).returncode:
        pytest.skip("needs root, to mount a file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_ends_the_capture_with_whole_files_and_it_goes_on_where_there_is_room(broker, small_disk):
    topic, folder = broker.topic(), small_disk / "tapes"
    dice = random.Random(1)
    broker.produce(topic, [value(f"S{n % 7}", dice.getrandbits(60), price=str(dice.getrandbits(60)), size=str(dice.getrandbits(60)))
                           for n in range(60000)])  # fmt: skip
    done = capture(broker, topic, folder, "--until-end", "--flush-ms", 1)
    assert done.returncode == 1
    assert "No space left" in done.stderr and "at byte" in done.stderr and "whole blocks" in done.stderr
    kept = sum(1 for _ in tape.series(folder))
    assert f"ticks={kept} " in done.stdout
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    done = capture(broker, topic, folder, "--until-end")
    assert done.returncode == 0, done.stderr
    assert f"ticks={60000 - kept} " in done.stdout
    assert [tick["pos"][2] for tick in tape.series(folder)] == list(range(60000))
