# SPDX-License-Identifier: MIT
"""kafka: a real Apache Kafka broker, one KRaft node under Java on loopback with a temporary folder; its admin client
and a producer that isn't ours (confluent-kafka brings its own librdkafka).

A broker keeps its ports and its data over stop(), kill() and start(), as a machine that was rebooted does.
"""

import os
import random
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

DEPS = Path(__file__).resolve().parents[2] / ".deps"

JAVA = [
    "java", "-Xms96m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
    "-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true",
]  # fmt: skip

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
num.network.threads=2
num.io.threads=2
num.recovery.threads.per.data.dir=2
background.threads=2
broker.heartbeat.interval.ms=300
broker.session.timeout.ms=3000
controller.quorum.election.timeout.ms=500
initial.broker.registration.timeout.ms=30000
auto.create.topics.enable=false
delete.topic.enable=true
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.cleaner.enable=false
log.segment.bytes=67108864
"""

LOGGING = """\
log4j.rootLogger=WARN, file
log4j.logger.kafka.server.KafkaRaftServer=INFO
log4j.appender.file=org.apache.log4j.FileAppender
log4j.appender.file.File={folder}/broker.log
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%d %p %c %m%n
"""


def free_port():
    """A port below the ephemeral range: while nobody listens on it, a client on loopback that tries to connect can't
    be given the same port as its own and so connect to itself."""
    while True:
        port = random.randrange(18000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class Broker:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.port = free_port()
        self.controller = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = None
        self.admin_client = None
        self.folder.mkdir(parents=True, exist_ok=True)
        values = {"port": self.port, "controller": self.controller, "folder": self.folder}
        self.settings = self.folder / "server.properties"
        self.settings.write_text(SETTINGS.format(**values))
        (self.folder / "log4j.properties").write_text(LOGGING.format(**values))
        self._java("kafka.tools.StorageTool", "format", "-t", str(uuid.uuid4()), "-c", str(self.settings))

    def _command(self, main, *arguments):
        jars = DEPS / "kafka" / "*"
        logging = f"-Dlog4j.configuration=file:{self.folder}/log4j.properties"
        return [*JAVA, logging, "-cp", str(jars), main, *arguments]

    def _java(self, main, *arguments):
        done = subprocess.run(self._command(main, *arguments), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self):
        assert self.process is None
        with open(self.folder / "output.log", "ab") as output:
            self.process = subprocess.Popen(
                self._command("kafka.Kafka", str(self.settings)),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, "KAFKA_OPTS": ""},
            )  # fmt: skip
        self._wait_until_it_answers()
        return self

    def _wait_until_it_answers(self):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert self.process.poll() is None, "the broker ended: " + self.log()
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    pass
                AdminClient(self._client()).list_topics(timeout=2)
                return
            except Exception:
                time.sleep(0.1)
        raise AssertionError("the broker did not start: " + self.log())

    def _client(self):
        return {"bootstrap.servers": self.address, "log_level": 0, "broker.address.family": "v4"}

    def log(self):
        return "".join(
            path.read_text(errors="replace")[-4000:]
            for path in (self.folder / "broker.log", self.folder / "output.log")
            if path.exists()
        )

    def kill(self):
        """As a power cut does: no goodbye. What producers had acknowledged is in the kernel's cache and stays."""
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, number):
        self.admin_client = None
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def admin(self):
        if self.admin_client is None:
            self.admin_client = AdminClient(self._client())
        return self.admin_client

    def topic(self, partitions=1, prefix="trades"):
        """A new topic of its own name, ready to be written to."""
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        self.create(name, partitions)
        return name

    def create(self, name, partitions=1):
        for future in self.admin().create_topics([NewTopic(name, partitions, 1)]).values():
            future.result(30)
        self._wait_for_leaders(name, partitions)

    def add_partitions(self, topic, total):
        for future in self.admin().create_partitions([NewPartitions(topic, total)]).values():
            future.result(30)
        self._wait_for_leaders(topic, total)

    def _wait_for_leaders(self, topic, partitions):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            known = self.admin().list_topics(topic, timeout=10).topics[topic].partitions
            if len(known) == partitions and all(partition.leader >= 0 for partition in known.values()):
                return
            time.sleep(0.05)
        raise AssertionError(f"{topic} has no leaders")

    def producer(self, **settings):
        """Idempotent, so that what a killed broker had stored already isn't stored twice by a retry."""
        return Producer({**self._client(), "enable.idempotence": True, "linger.ms": 5,
                         "reconnect.backoff.max.ms": 500, **settings})  # fmt: skip

    def produce(self, topic, values, partition=0, key=None, headers=None):
        """Writes the values, bytes or text, in order, and waits until they are stored."""
        producer = self.producer()
        failures = []

        def delivered(error, _):
            if error:
                failures.append(error)

        for value in values:
            producer.produce(topic, value, key=key, partition=partition, headers=headers, on_delivery=delivered)
            producer.poll(0)
        assert producer.flush(30) == 0
        assert not failures, failures[0]

    def read(self, topic):
        """All values of a topic, partition by partition, from the first to the last as of now."""
        consumer = Consumer({**self._client(), "group.id": "none", "enable.auto.commit": False})
        try:
            for partition in sorted(consumer.list_topics(topic, timeout=10).topics[topic].partitions):
                place = TopicPartition(topic, partition, OFFSET_BEGINNING)
                low, high = consumer.get_watermark_offsets(place, timeout=10)
                consumer.assign([place])
                left = high - low
                while left > 0:
                    messages = consumer.consume(min(left, 5000), timeout=10)
                    assert messages, f"{topic} ended early"
                    left -= len(messages)
                    yield from (message.value() for message in messages)
        finally:
            consumer.close()
