# SPDX-License-Identifier: MIT
"""Hostile clients of every kind, and a thousand others whose accounts stay complete. How late those get their ticks meanwhile
is not for here, where attackers, readers and server share their cores: see bench/contract.py hostile."""

import json
import subprocess
import threading
import time
from collections import Counter

import pytest

import hostile
from server import BINARY, wait_for

TAPEBENCH = BINARY.parents[1] / "bench/tapebench"
WARMUP_S, ATTACK_S = 1, 20
# See bench/contract.py.
FAULTS = ("missed", "missing", "duplicates", "reordered", "lost", "errors", "broken", "stray")

SETTINGS = (
    "--handshake-ms", 1000, "--ping-ms", 1000, "--idle-ms", 4000, "--stall-ms", 2000, "--close-ms", 1000,
    "--send-buffer", 16384, "--address-connections", 300, "--address-rate", 250,
)  # fmt: skip


class Attack(threading.Thread):
    """One kind again and again, until the time is up; what it met instead of a refusal is in `problems`."""

    def __init__(self, kind, port, source, until):
        super().__init__(daemon=True, name=kind.__name__)
        self.kind, self.port, self.source, self.until = kind, port, source, until
        self.reasons = Counter()
        self.problems = []
        self.start()

    def run(self):
        while time.monotonic() < self.until and len(self.problems) < 3:
            try:
                self.reasons[self.kind(self.port, self.source)] += 1
            except Exception as error:
                self.problems.append(f"{self.name}: {error!r}")
            time.sleep(0.05)


def load(server, report, ready):
    """A thousand clients of 10 of 100 symbols each, which keep account."""
    return subprocess.Popen(
        [TAPEBENCH, "--quiet", "--url", f"ws://127.0.0.1:{server.port}/", "--server-pid", str(server.pid),
         "--load-cpu", "-1", "--rate", "600", "--warmup", f"{WARMUP_S}s", "--duration", f"{ATTACK_S}s",
         "--grace", "20s", "--json", str(report), "--ready-file", str(ready)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.mark.timeout(150)
def test_a_thousand_subscribers_have_complete_accounts_while_hostile_clients_of_every_kind_attack(sim, tmp_path, figure):
    if not TAPEBENCH.exists():
        pytest.skip("tapebench is not built")
    server = sim("rate=600,symbols=100", *SETTINGS)
    report, ready = tmp_path / "report.json", tmp_path / "ready"
    crowd = load(server, report, ready)
    try:
        assert wait_for(ready.exists, 40), crowd.poll()
        time.sleep(WARMUP_S)
        until = time.monotonic() + ATTACK_S
        attacks = [Attack(kind, server.port, f"127.0.0.{100 + n}", until) for n, kind in enumerate(hostile.KINDS)]
        for attack in attacks:
            attack.join(ATTACK_S + 30)
        said = crowd.communicate(timeout=60)[0]
    finally:
        crowd.kill()
    assert crowd.returncode in (0, 3), said  # 3: late, on a machine that is busy with the attack itself

    (trial,) = json.loads(report.read_text())["trials"]
    assert trial["received"] > 1000000 and not {name: trial[name] for name in FAULTS if trial[name]}, said
    assert not [problem for attack in attacks for problem in attack.problems]
    reasons = sum((attack.reasons for attack in attacks), Counter())
    attempts = sum(reasons.values())
    assert all(attack.reasons for attack in attacks) and not any(attack.is_alive() for attack in attacks)
    metrics = server.metrics()
    assert metrics.sum("tapehead_closed_total") >= attempts
    del reasons[hostile.ANY]
    assert not {reason: count for reason, count in reasons.items() if server.closed(reason) < count}
    most = server.memory()["VmHWM"]
    assert most <= server.bound()
    figure(f"1000 subscribers at {trial['received'] / trial['seconds']:.0f} deliveries a second, {attempts} attempts of "
           f"{len(attacks)} hostile kinds in {ATTACK_S} s beside them: every account complete; RSS at most {most >> 20} "
           f"of {server.bound() >> 20} MiB; "
           + ", ".join(f"{attack.name} {sum(attack.reasons.values())}" for attack in attacks))  # fmt: skip
