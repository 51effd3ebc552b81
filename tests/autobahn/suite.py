# SPDX-License-Identifier: MIT
"""suite: runs cases of the Autobahn test suite's fuzzing client against a server, and tells how each ended. The client
has an environment of its own, .deps/autobahn, which python2.sh fills."""

import json
import re
import subprocess
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHON2 = HERE.parents[1] / ".deps/autobahn/python2"
AGENT = "server"
JUDGED = ("behavior", "behaviorClose")


def run(url, cases, folder, exclude=(), messages=1000, timeout=170):
    """The report on all cases that match one of these patterns ("6.*"); its details stay in `folder`."""
    spec = folder / "spec.json"
    spec.write_text(json.dumps({
        "outdir": str(folder / "reports"), "servers": [{"agent": AGENT, "url": url}],
        "cases": list(cases), "exclude-cases": list(exclude), "exclude-agent-cases": {},
    }))  # fmt: skip
    log = folder / "fuzz.log"
    with log.open("w") as out:
        try:
            status = subprocess.run(
                [PYTHON2, "-W", "ignore", "-u", HERE / "fuzz.py", spec, str(messages)],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=timeout,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            status = f"none after {timeout} s"
    said = log.read_text(errors="replace")
    assert status == 0, f"the fuzzing client's status: {status}; {said[-3000:]}"
    report = Report(folder / "reports")
    planned = int(re.search(r"will run (\d+) test cases", said)[1])
    assert len(report.cases) == planned > 0, f"{len(report.cases)} of {planned} cases ran; {said[-3000:]}"
    return report


class Report:
    """cases: {"1.1.1": {"behavior": "OK", "behaviorClose": "OK", "remoteCloseCode": 1000, …}, …}."""

    def __init__(self, folder):
        self.folder = folder
        self.cases = json.loads((folder / "index.json").read_text()).get(AGENT, {})

    def details(self, case):
        return json.loads((self.folder / self.cases[case]["reportfile"]).read_text())

    def unexpected(self, allowed=()):
        """A line for each case that ended other than with OK or what `allowed` has for it: {case: behaviors}."""
        return [
            self.explain(name)
            for name, case in self.cases.items()
            if not {case[what] for what in JUDGED} <= {"OK", *dict(allowed).get(name, ())}
        ]

    def explain(self, case):
        known = self.details(case)
        return (
            f"{case} {known['behavior']}, close {known['behaviorClose']}: {known['description']} "
            f"Expected: {known['expectation']} {known['expected']} {known['expectedClose']} "
            f"Received: {known['received']} {known['remoteCloseCode']}. {known['result']} {known['resultClose']}."
        )

    def __str__(self):
        both = [Counter(case[what] for case in self.cases.values()) for what in JUDGED]
        told = [", ".join(f"{count} {behavior}" for behavior, count in counts.most_common()) for counts in both]
        return f"{len(self.cases)} cases: {told[0]}; close: {told[1]}"
