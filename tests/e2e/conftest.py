# SPDX-License-Identifier: MIT
"""Fixtures: a Kafka broker for all tests, servers and clients that are gone when their test ends, and figures that are
printed after the run."""

import subprocess

import pytest

import browser
from clients import Client, Crowd, NodeClient
from kafka import Broker
from raw import Raw
from server import BINARY, ROOT, TAPECTL, TRUSTING, Server, tapectl
from tapes import write
from tls import Pair
from trades import Tape

FIGURES = []


def pytest_terminal_summary(terminalreporter):
    if FIGURES:
        terminalreporter.section("measured")
        for figure in FIGURES:
            terminalreporter.line(figure)


@pytest.fixture
def figure():
    """Says a measured figure after the run."""
    return FIGURES.append


@pytest.fixture(scope="session", autouse=True)
def binaries():
    missing = [str(path) for path in (BINARY, TAPECTL) if not path.exists()]
    if missing:
        pytest.fail(f"not built: {' '.join(missing)}; see tests/run.sh", pytrace=False)


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """Shared: tests write to topics of their own and never stop it."""
    broker = Broker(tmp_path_factory.mktemp("kafka")).start()
    yield broker
    broker.stop()


@pytest.fixture
def own_broker(tmp_path):
    """For tests that kill it."""
    broker = Broker(tmp_path / "kafka").start()
    yield broker
    broker.stop()


@pytest.fixture
def start(request):
    """start(*arguments): a server that is ready. Every one is stopped in the end, and must end well."""
    servers = []

    def start(*arguments, **options):
        servers.append(Server(*arguments, **options))
        return servers[-1]

    yield start
    problems = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)


@pytest.fixture
def sim(start):
    """A server on the simulator: sim("rate=200", "--queue-frames", 64)."""

    def sim(settings="rate=200,symbols=10", *arguments, **options):
        return start("--source", f"sim:seed=1,{settings}", *arguments, **options)

    return sim


@pytest.fixture
def pair(tmp_path):
    """A certificate and its key, for --tls-cert and --tls-key."""
    return Pair(tmp_path)


@pytest.fixture
def secure_sim(sim, pair):
    """sim() over TLS, with `pair`."""
    return lambda settings="rate=200,symbols=10", *arguments: sim(settings, *pair.arguments, *arguments)


@pytest.fixture(scope="module")
def shared_sim():
    """One quiet server for a module's tests that ask little of it."""
    server = Server("--source", "sim:seed=1,rate=20,symbols=5")
    yield server
    server.stop()


@pytest.fixture
def on_topic(start, broker):
    """A server on a topic of the shared broker, from its beginning."""

    def on_topic(topic, *arguments, **options):
        return start("--source", "kafka", "--brokers", broker.address, "--topic", topic,
                     "--from", "earliest", *arguments, **options)  # fmt: skip

    return on_topic


@pytest.fixture(scope="session")
def recording(broker, tmp_path_factory):
    """The real trades, imported and captured: (tape, file). Simulated ones where the real are absent."""
    folder = tmp_path_factory.mktemp("recording")
    topic = broker.topic(partitions=1)
    tape = Tape.recorded()
    if tape:
        done = tapectl("import", "--brokers", broker.address, "--topic", topic, "--format", "json", tape.path)
    else:
        done = tapectl("gen", "--brokers", broker.address, "--topic", topic, "--format", "json", "--rate", 0, "--count", 20000)
    assert done.returncode == 0, done.stderr
    tape = tape or Tape.of_topic(broker, topic)
    done = tapectl("capture", "--brokers", broker.address, "--topic", topic, "--out", folder, "--until-end")
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.tape")
    return tape, path


@pytest.fixture
def archive(tmp_path):
    """archive(ticks): a folder with a capture file of these ticks, for --archive."""

    def archive(ticks, name="made", **options):
        write(tmp_path / "archive" / f"{name}-000001.tape", ticks, **options)
        return tmp_path / "archive"

    return archive


@pytest.fixture
def playing(sim, archive):
    """playing(ticks): a server on the simulator that has these ticks in its archive."""
    return lambda ticks, *arguments, **options: sim("rate=200,symbols=10", "--archive", archive(ticks), *arguments, **options)


@pytest.fixture
def client():
    """client(server, form="json"): python's `websockets`, past its welcome."""
    opened = []

    def client(server, form="json", query="", path="/ws", **options):
        options = {"ssl": TRUSTING, **options} if server.secure else options
        opened.append(Client(server.ws.removesuffix("/ws") + path + query, form, **options))
        return opened[-1]

    yield client
    for one in opened:
        one.close()


@pytest.fixture
def raw():
    opened = []

    def raw(server, **options):
        opened.append(Raw(server.port, **options))
        return opened[-1]

    yield raw
    for one in opened:
        one.close()


@pytest.fixture
def node():
    """node(server, "msgpack", count): node's `ws`, subscribed."""
    started = []

    def node(server, form, count, symbols=("*",)):
        started.append(NodeClient(server.ws, form, count, symbols))
        return started[-1]

    yield node
    for one in started:
        one.stop()


@pytest.fixture
def crowd():
    started = []

    def crowd(server, count, **options):
        started.append(Crowd(server.ws, count, **options))
        return started[-1]

    yield crowd
    for one in started:
        one.stop()


@pytest.fixture
def page(tmp_path):
    if not browser.find():
        pytest.skip("chromium is not installed")
    page = browser.Browser(tmp_path / "profile")
    yield page
    page.stop()


@pytest.fixture(scope="session")
def hold(tmp_path_factory):
    program = tmp_path_factory.mktemp("hold") / "hold"
    source = ROOT / "tests/e2e/hold.c"
    subprocess.run(["gcc", "-O2", "-std=c11", "-D_GNU_SOURCE", str(source), "-o", str(program)], check=True)
    return program
