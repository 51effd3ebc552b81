# SPDX-License-Identifier: MIT
"""A short form of `bench/contract.py soak`: the load tool's own judgement, without its marks of time."""

import os
import subprocess
import sys

import pytest

from server import BINARY, ROOT

MINUTES = "10" if "TAPEHEAD_FULL" in os.environ else "0.3"  # tests/run.sh --full


@pytest.mark.timeout(960)
def test_with_clients_coming_going_and_stalling_under_load_every_account_is_complete_and_memory_within_its_sum():
    build = BINARY.parents[1]
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench/contract.py"), "soak", "--minutes", MINUTES, "--build", str(build)],
        capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
