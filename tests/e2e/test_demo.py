# SPDX-License-Identifier: MIT
"""The demo: the whole path with nothing to install, in the program and as the newcomer's command."""

import re
import signal
import subprocess
import threading

import pytest

from account import Account
from clients import Client, NodeClient
from kafka import free_port
from server import BINARY, ROOT, environment, tapectl


@pytest.mark.main_path
def test_the_demo_serves_simulated_trades_through_a_broker_of_its_own(start, client, node):
    server = start("--demo")
    one = client(server, "msgpack")
    one.ask("subscribe", symbols=["*"])
    account = Account(one.trades(2000))
    assert account.lost() == 0 and len(account.ticks) > 30
    Account(node(server, "json", 1000).trades(1000))
    assert server.metrics().sum("tapehead_source_messages_total") > 2000


def test_the_demo_plays_the_market_that_the_source_describes(start):
    server = start("--demo", "--source", "sim:seed=3,rate=500,symbols=4")
    with Client(server.ws) as one:
        one.ask("subscribe", symbols=["*"])
        assert len(Account(one.trades(200)).ticks) == 4


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
def test_demo_sh_says_where_it_serves_and_stops_cleanly_on_ctrl_c(secure):
    if BINARY != ROOT / "build/server/tapehead":
        pytest.skip("demo.sh runs the build of its own, not the one under test")
    port = free_port()
    demo = subprocess.Popen(
        [ROOT / "tools/demo.sh", *(["--tls"] if secure else []), str(port)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # who started us may have it ignored
    )  # fmt: skip
    timer = threading.Timer(120, demo.kill)
    timer.start()
    try:
        said = ""
        while "Ctrl-C" not in said:
            line = demo.stdout.readline()
            assert line, said
            said += line
        assert f"http{'s' if secure else ''}://127.0.0.1:{port}/" in said
        # As it says, word by word.
        watch = re.search(r"/tapectl (watch .*)", said)[1].split()
        done = tapectl(*watch, "--count", 50, "--duration", 20)
        assert done.returncode == 0 and len([line for line in done.stdout.splitlines() if line[0] != "#"]) == 50
        if not secure:
            simple = NodeClient(f"ws://127.0.0.1:{port}/", "json", 50)
            simple.trades(50)
            simple.stop()
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=30)
        assert demo.returncode == 0
    finally:
        timer.cancel()
        if demo.poll() is None:
            demo.terminate()
            demo.wait(20)
