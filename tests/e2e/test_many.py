# SPDX-License-Identifier: MIT
"""More connections than the process may have descriptors, with a running feed."""

import re
import resource
import subprocess
import threading

import pytest

from account import Account
from server import wait_for

PROCESSES = 2
MARGIN = 500  # above the descriptor limit


class Holder:
    """hold.c, one of several: its own descriptors, its own source address."""

    def __init__(self, program, server, source, count, symbols):
        self.state = {}
        self.process = subprocess.Popen(
            [program, str(server.port), source, str(count), *symbols],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        for line in self.process.stdout:
            self.state = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)


@pytest.mark.timeout(150)
def test_two_workers_hold_more_connections_than_the_descriptor_limit_while_the_feed_runs(sim, hold, client, figure):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    each = (limit + MARGIN) // PROCESSES + 1
    total = each * PROCESSES
    if not 1000 < limit <= 40000:
        pytest.skip(f"the descriptor limit is {limit}: too many connections to hold, or too few to mean anything")
    server = sim("rate=50,symbols=50", "--max-connections", total + 100)
    empty = server.memory()
    symbols = wait_for(lambda: server.json("/v1/symbols")["symbols"])
    holders = [Holder(hold, server, f"127.0.0.{2 + n}", each, symbols) for n in range(PROCESSES)]
    try:
        wait_until_all(holders, "held", total)
        # Every one of them is sent ticks or heartbeats.
        wait_until_all(holders, "streaming", total)
        delivered = server.metrics().sum("tapehead_deliveries_total")
        one = client(server)
        one.ask("subscribe", symbols=["*"])
        assert Account(one.trades(100)).lost() == 0
        assert wait_for(lambda: server.metrics().sum("tapehead_deliveries_total") > delivered + total, 30)
        full = server.memory()
        assert server.metrics().sum("tapehead_websockets") == total + 1 > limit
    finally:
        for holder in holders:
            holder.stop()
    own = (full["RssAnon"] - empty["RssAnon"]) / total
    figure(f"{total} WebSocket connections on 2 workers, over a descriptor limit of {limit}, with a running feed: "
           f"{own:.0f} bytes of user-space memory a connection (RssAnon {empty['RssAnon'] >> 20} to "
           f"{full['RssAnon'] >> 20} MiB)")  # fmt: skip
    assert own < 8192


def wait_until_all(holders, word, total, timeout=60):
    """Until the holders' own count adds up to all connections, none of which may end."""

    def all_are():
        lost = sum(holder.state.get("ended", 0) + holder.state.get("refused", 0) for holder in holders)
        assert lost == 0, [holder.state for holder in holders]
        return sum(holder.state.get(word, 0) for holder in holders) == total

    assert wait_for(all_are, timeout), [holder.state for holder in holders]
