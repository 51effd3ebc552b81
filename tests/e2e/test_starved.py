# SPDX-License-Identifier: MIT
"""Memory runs out: at start-up with a sentence, on a connection with a refusal, and never for the others. The server under
test is the one whose allocations can be refused one by one (tests/starve); under AddressSanitizer it also finds leaks."""

import re
import signal
import subprocess

import pytest
from websockets.exceptions import WebSocketException

import server as servers
from clients import Client, Closed
from server import BINARY, REPORTS, Server, environment, run, tapectl, wait_for

STARVED = BINARY.parents[1] / "tests/starve/tapehead-starved"
TAPED = 2000
SIM = ("--source", "sim:seed=1,rate=200,symbols=5", "--workers", "1", "--listen", "127.0.0.1:0")


@pytest.fixture
def starved(monkeypatch):
    """starved(*arguments): a Server that can be refused memory."""
    monkeypatch.setattr(servers, "BINARY", STARVED)
    begun = []

    def begin(*arguments):
        begun.append(Server(*SIM, *arguments))
        return begun[-1]

    yield begin
    for server in begun:
        server.stop()


@pytest.fixture
def keys(tmp_path):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
        "/CN=localhost", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem")  # fmt: skip
    return "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"


@pytest.mark.timeout(180)
def test_each_allocation_at_start_up_that_fails_is_a_clean_error(keys, tmp_path, monkeypatch, figure):
    refusals = 0
    for number in range(1, 2000):
        monkeypatch.setenv("STARVE_AT", str(number))
        process = subprocess.Popen(
            [str(word) for word in (STARVED, *SIM, *keys, "--address-rate", 1000, "--admin", "127.0.0.1:0", "--archive", tmp_path)],
            env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
        line = process.stdout.readline()
        if line:
            process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        assert not REPORTS.search(said), said
        if f"starve refused={number}" not in said:
            assert line and process.returncode == 0, said
            break
        refusals += 1
        # Some can do without: a demo's spare, a library's cache. Then it serves as if nothing had been.
        if line:
            assert process.returncode == 0, said
        else:
            assert process.returncode == 1 and "tapehead: " in said, (number, process.returncode, said)
    else:
        raise AssertionError("never started")
    assert refusals > 20
    figure(f"start-up: {refusals} allocations, each refused in turn")


def refusals_of(server):
    return "".join(server.lines).count("starve refused=")


def allocations(server):
    """Since the start."""

    def told():
        return re.findall(r"starve allocations=(\d+)\n", "".join(server.lines))

    before = len(told())
    server.signal(signal.SIGUSR1)
    wait_for(lambda: len(told()) > before, 5)
    return int(told()[-1])


def talk(server):
    """Connects, subscribes by query and command, lists, and leaves. Returns whether all was answered as it should be."""
    try:
        with Client(server.ws + "?symbols=BTC-*") as one:
            one.ask("subscribe", symbols=["*", "A"], since={})
            one.ask("list")
            one.ask("unsubscribe", symbols=["A"])
            one.trades(3)
        return True
    except (Closed, WebSocketException, OSError, EOFError, AssertionError):
        return False


def refuse_in_turn(server, attempt):
    """Makes attempts, the first allocation of the first refused, the second of the second, until one has no more. Each must be
    whole or see a refusal; a client beside them must get its ticks. Returns how many were refused, and failed."""
    refusals = failed = 0
    with Client(server.ws) as witness:
        witness.ask("subscribe", symbols=["*"])
        for number in range(1, 400):
            before = refusals_of(server)
            server.signal(signal.SIGUSR2)
            wait_for(lambda number=number: f"starve round={number}\n" in "".join(server.lines), 5)
            whole = attempt(server)
            allocations(server)  # what was said before it has been read by then
            refused = refusals_of(server) > before
            refusals += refused
            failed += not whole
            assert whole or refused, f"round {number}: failed without a refusal"
            if not refused:
                break
            witness.trades(1)
        # The last round's refusal may still be to come.
        assert attempt(server) or attempt(server)
        witness.trades(50)
    return refusals, failed


@pytest.mark.timeout(180)
def test_each_allocation_of_a_connection_that_fails_ends_in_a_refusal_and_harms_nobody(starved, figure):
    refusals, failed = refuse_in_turn(starved("--max-commands", 1000), talk)
    figure(f"a connection: {refusals} allocations, each refused in turn; {failed} of them ended it")


def replay(server):
    """Whether a replay came whole."""
    try:
        with Client(server.ws) as one:
            one.send("replay", id=1, symbols=["*"], speed="max")
            while (message := one.next())["type"] != "error":
                if message.get("state") == "ended":
                    return message["ticks"] == TAPED
            return False
    except (Closed, WebSocketException, OSError, EOFError, AssertionError):
        return False


@pytest.mark.timeout(180)
def test_each_allocation_of_a_replay_that_fails_ends_it_with_a_word_and_harms_nobody(starved, tmp_path, figure):
    done = tapectl("gen", "--tape", tmp_path / "gen-000001.tape", "--count", TAPED)
    assert done.returncode == 0, done.stderr
    refusals, failed = refuse_in_turn(starved("--max-commands", 1000, "--archive", tmp_path), replay)
    figure(f"a replay: {refusals} allocations, each refused in turn; {failed} of them ended it")


def test_ticks_are_delivered_without_a_single_allocation(starved):
    server = starved("--heartbeat-ms", 0, "--ping-ms", 3600000, "--idle-ms", 3600000)
    clients = [Client(server.ws) for _ in range(3)]
    for one in clients:
        one.ask("subscribe", symbols=["*"])
        one.trades(20)

    before = allocations(server)
    for one in clients:
        one.trades(400)
    assert allocations(server) == before
    for one in clients:
        one.close()
