# SPDX-License-Identifier: MIT
"""The Autobahn test suite's fuzzing client finds nothing: on /echo, over ws and over wss."""

import json
import os
import sys
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from clients import Script
from server import ROOT, TRUSTING

sys.path.insert(0, str(ROOT / "tests/autobahn"))
import suite  # noqa: E402

FULL = "TAPEHEAD_FULL" in os.environ  # tests/run.sh --full

both = pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])

FRAMING = [*(f"{group}.*" for group in range(1, 8)), "10.*"]
# What RFC 6455 leaves open and the suite only notes: a close behind a long message, and codes that nobody may use yet.
OPEN = {case: ["INFORMATIONAL"] for case in ("7.1.6", "7.13.1", "7.13.2")}
LIMITS = ("--max-message-bytes", 64 << 20, "--control-bytes", 128 << 20, "--control-budget", 1 << 30,
          "--inbox-budget", 1 << 30)  # fmt: skip


@pytest.fixture
def fuzz(tmp_path, figure):
    """fuzz(url, cases): the suite's report, which is also printed after the run."""
    if not suite.PYTHON2.exists():
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(f"{suite.PYTHON2} is not there; tests/run.sh makes it with tests/autobahn/python2.sh, given a network")

    def fuzz(url, cases, **options):
        begun = time.monotonic()
        report = suite.run(url, cases, tmp_path, **options)
        took = time.monotonic() - begun
        figure(f"Autobahn {' '.join(cases)} over {url.split(':')[0]}, {report}, {took:.0f} s")
        return report

    return fuzz


@pytest.fixture
def echo(start, pair):
    """echo(secure): the URL of a server's /echo."""

    def echo(secure, *arguments):
        tls = pair.arguments if secure else ()
        server = start("--enable-echo", "--source", "sim:seed=1,rate=1,symbols=1", *tls, *arguments)
        return server.ws.removesuffix("/ws") + "/echo"

    return echo


@pytest.fixture
def node_echo():
    """node_echo(**options): the URL of node's `ws` sending back, with these options."""
    started = []

    def node_echo(**options):
        started.append(Script("echo.cjs", json.dumps(options)))
        return f"ws://127.0.0.1:{started[-1].line()['port']}/"

    yield node_echo
    for one in started:
        one.stop()


def nothing(unexpected):
    assert not unexpected, "\n\n".join(unexpected)


@both
def test_framing_fragments_utf8_pings_and_closes_are_as_the_standard_has_them(echo, fuzz, secure):
    nothing(fuzz(echo(secure), FRAMING).unexpected(OPEN))


@both
def test_messages_up_to_16_mib_come_back_whole_however_they_were_cut(echo, fuzz, secure):
    nothing(fuzz(echo(secure, *LIMITS), ["9.*"]).unexpected())


@pytest.mark.timeout(4200 if FULL else 420)
@both
def test_deflated_messages_come_back_with_whatever_parameters_were_offered(echo, fuzz, secure):
    nothing(fuzz(echo(secure, *LIMITS), ["12.*", "13.*"], messages=1000 if FULL else 100, timeout=4000 if FULL else 400).unexpected())


@pytest.mark.parametrize("compression", [None, "deflate"])
@both
def test_a_message_of_just_the_limit_comes_back_and_one_beyond_closes_with_1009(echo, secure, compression):
    with connect(echo(secure), ssl=TRUSTING if secure else None, compression=compression) as one:
        one.send("x" * 65536)
        assert one.recv(10) == "x" * 65536
        one.send("x" * 65537)
        with pytest.raises(ConnectionClosed) as closed:
            one.recv(10)
    assert closed.value.rcvd.code == 1009


def test_the_suite_sees_a_server_that_does_not_check_utf8(fuzz, node_echo):
    report = fuzz(node_echo(skipUTF8Validation=True), ["6.*"])
    invalid = {case for case in report.cases if "not valid UTF-8" in report.details(case)["expectation"]}
    assert len(invalid) > 50 and {line.split()[0] for line in report.unexpected()} == invalid


def test_the_suite_sees_a_server_that_does_not_deflate(fuzz, node_echo):
    report = fuzz(node_echo(perMessageDeflate=False), ["12.1.1"], messages=1)
    assert [case["behavior"] for case in report.cases.values()] == ["UNIMPLEMENTED"] and report.unexpected()
