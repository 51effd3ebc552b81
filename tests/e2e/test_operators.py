# SPDX-License-Identifier: MIT
"""What operators see: who fell behind and when, the memory that was promised, and a server that overload does not stop."""

import json
import re
import socket
import time
import urllib.error
import urllib.request

import pytest

from account import Account
from server import wait_for

FLOOD = "rate=20000,symbols=4"
SMALL = ("--queue-frames", 64, "--send-buffer", 8192)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return json.loads(answer.read())


def test_the_admin_address_says_why_and_when_a_client_fell_behind(sim, raw, client):
    admin = free_port()
    server = sim(FLOOD, *SMALL, "--admin", f"127.0.0.1:{admin}", "--heartbeat-ms", 100)
    reader = client(server)
    reader.ask("subscribe", symbols=["BTC-USD"], mode="latest", interval_ms=500)
    slow = raw(server, receive_buffer=4096).open("/ws?symbols=*")
    address = "%s:%d" % slow.socket.getsockname()
    began = time.time()
    assert wait_for(lambda: get(admin, "/v1/clients")["clients"][0]["blocked_ms"] > 500, 10)
    worst = get(admin, "/v1/clients?limit=1")["clients"][0]
    assert worst["address"] == address and worst["queued"] == 64 and worst["queued_bytes"] > 64 * 100
    assert worst["stalls"] == 1 and worst["dropped"]["slow_client"] > 1000
    assert get(admin, f"/v1/clients?id={worst['id']}")["clients"][0]["id"] == worst["id"]
    until = time.monotonic() + 1
    while time.monotonic() < until:
        slow.message()
    after = get(admin, f"/v1/clients?id={worst['id']}")["clients"][0]
    episode = after["episodes"][-1]
    assert episode["lasted_ms"] >= 400 and episode["dropped"] > 1000
    assert abs(episode["began_ms"] / 1000 - began) < 5
    assert server.metrics().sum("tapehead_stalls_total") >= 1


def test_the_admin_address_refuses_what_it_does_not_know(sim):
    admin = free_port()
    sim("rate=20,symbols=2", "--admin", f"127.0.0.1:{admin}")
    for path, status in (("/v1/clients?limit=0", 400), ("/v1/clients?id=x", 400), ("/nothing", 404)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(admin, path)
        assert refused.value.code == status and json.loads(refused.value.read())["error"]


def test_memory_stays_within_the_sum_that_was_printed(sim, raw, client):
    server = sim(FLOOD, "--workers", 1, "--max-connections", 500, "--worker-pairs", 5000, "--arena-bytes", 1 << 20,
                 "--history-ticks", 10000, "--control-budget", 1 << 20, "--inbox-budget", 1 << 20,
                 "--ring-slots", 4096, "--symbols-max", 1000)  # fmt: skip
    lines = re.findall(r"memory\.bound what=(\S+) bytes=(\d+) times=(\d+)", server.stderr())
    claims = [(int(size), int(times)) for _, size, times in lines]
    promised = int(re.search(r"what=sum bytes=(\d+)", server.stderr())[1])
    assert len(claims) > 10 and sum(size * times for size, times in claims) == promised
    slow = [raw(server, receive_buffer=4096).open("/ws?symbols=*") for _ in range(200)]
    time.sleep(3)
    memory = server.memory()
    assert len(slow) == 200
    assert memory["RssAnon"] < promised, (memory["RssAnon"], promised)


@pytest.mark.main_path
def test_when_the_server_itself_cannot_keep_up_the_gaps_say_overload_and_it_recovers(sim, client):
    server = sim("rate=400000,symbols=4", "--ring-slots", 64, workers=1)
    one = client(server)
    one.ask("subscribe", symbols=["*"])
    until = time.monotonic() + 3
    while time.monotonic() < until:
        one.next()
    account = Account(one.messages)
    reasons = {gap["reason"] for gap in account.gaps}
    assert "overload" in reasons and reasons <= {"overload", "slow_client"}
    assert server.metrics().sum("tapehead_dropped_total", worker="feed", reason="overload") > 0
    assert server.get("/readyz").startswith("ready")
