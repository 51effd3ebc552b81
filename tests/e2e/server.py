# SPDX-License-Identifier: MIT
"""server: a running tapehead, and tapectl beside it; started on a port of the kernel's choice, stopped by pid.

TAPEHEAD names the binary (build/server/tapehead unless set), so the same tests judge the sanitizer builds;
TAPEHEAD_PRELOAD a library to preload into it, see c11_threads.c. Whoever starts a server also asks how it ended: with
status 0 on SIGTERM and no sanitizer's report.
"""

import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import tls

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("TAPEHEAD", ROOT / "build/server/tapehead")).resolve()
TAPECTL = Path(os.environ.get("TAPECTL", BINARY.parents[1] / "tools/tapectl")).resolve()

REPORTS = re.compile(r"(?:Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:|CHECK failed")

ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=66",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=66",
    "TSAN_OPTIONS": f"exitcode=66:second_deadlock_stack=1:suppressions={ROOT}/tests/e2e/tsan.supp",
}


TRUSTING = tls.context()


def environment():
    preload = os.environ.get("TAPEHEAD_PRELOAD")
    return {**ENVIRONMENT, **os.environ, **({"LD_PRELOAD": preload} if preload else {})}


def run(*command, **options):
    """A command's whole life: returncode, stdout and stderr as text."""
    options = {"capture_output": True, "text": True, "timeout": 60, "stdin": subprocess.DEVNULL, **options}
    return subprocess.run([str(word) for word in command], env=environment(), **options)


def tapectl(*arguments, **options):
    return run(TAPECTL, *arguments, **options)


class Server:
    """Ready for clients once constructed; with fed=False once it listens, which is before its source has answered."""

    def __init__(self, *arguments, port=0, workers=2, log_level="info", fed=True):
        self.arguments = [
            str(BINARY), "--listen", f"127.0.0.1:{port}", "--workers", str(workers), "--log-level", log_level,
            *(str(argument) for argument in arguments),
        ]  # fmt: skip
        self.lines = []
        self.process = subprocess.Popen(
            self.arguments, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace",
        )  # fmt: skip
        self.reader = threading.Thread(target=self._collect, daemon=True)
        self.reader.start()
        address = self._ready_line() if fed else self._listening_event()
        if not address:
            self.process.kill()
            self.wait()
            raise AssertionError(f"not ready, status {self.process.returncode}: {self.stderr()}")
        self.secure = address[1] == "s"
        self.port = int(address[2])
        self.http = f"http{address[1]}://127.0.0.1:{self.port}"
        self.ws = f"ws{address[1]}://127.0.0.1:{self.port}/ws"

    def _collect(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def _ready_line(self):
        timer = threading.Timer(60, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        return re.fullmatch(r"tapehead ready url=http(s?)://127\.0\.0\.1:(\d+)/ workers=\d+ source=\S+\n", line)

    def _listening_event(self):
        event = r"server\.listening url=http(s?)://127\.0\.0\.1:(\d+)/ "
        return wait_for(lambda: re.search(event, self.stderr()), 20)

    @property
    def pid(self):
        return self.process.pid

    def stderr(self):
        return "".join(self.lines)

    def running(self):
        return self.process.poll() is None

    def get(self, path, timeout=10):
        with urllib.request.urlopen(self.http + path, timeout=timeout, context=TRUSTING) as answer:
            return answer.read().decode()

    def json(self, path):
        return json.loads(self.get(path))

    def metrics(self):
        return Metrics(self.get("/metrics"))

    def closed(self, reason):
        """Connections that ended for this reason so far."""
        return int(self.metrics().sum("tapehead_closed_total", reason=reason))

    def bound(self):
        """The sum of memory that it said at start it would keep to."""
        return int(re.search(r"memory\.bound what=sum bytes=(\d+)", self.stderr())[1])

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=60):
        status = self.process.wait(timeout)
        self.reader.join(5)
        return status

    def stop(self):
        """SIGTERM, and the judgement of how it ended."""
        if self.running():
            self.signal(signal.SIGTERM)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.wait()
                raise AssertionError("SIGTERM did not end the server; " + self.stderr()[-4000:]) from None
        self.judge()

    def judge(self):
        self.reader.join(5)
        report = REPORTS.search(self.stderr())
        assert not report, self.stderr()[max(0, report.start() - 500) : report.start() + 8000]
        assert self.process.returncode == 0, f"status {self.process.returncode}; {self.stderr()[-4000:]}"

    def memory(self):
        """/proc/PID/status in bytes: resident, and of it anonymous (its own)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        kib = {key: int(value) for key, value in re.findall(r"(Vm\w+|Rss\w+):\s+(\d+) kB", status)}
        return {key: value * 1024 for key, value in kib.items()}


class Metrics:
    """The Prometheus text format, read strictly: every sample has a type, every name and label is well formed."""

    SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (NaN|[+-]?Inf|[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)')
    LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)')
    KINDS = {"counter", "gauge", "histogram", "summary", "untyped"}

    def __init__(self, text):
        assert text.endswith("\n")
        self.types = {}
        self.helps = {}
        self.samples = {}
        for line in text.splitlines():
            if line.startswith("# HELP "):
                _, _, name, self.helps[name] = line.split(" ", 3)
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert kind in self.KINDS and name not in self.types, line
                self.types[name] = kind
            elif line and not line.startswith("#"):
                self._sample(line)

    def _sample(self, line):
        match = self.SAMPLE.fullmatch(line)
        assert match, f"not a sample: {line!r}"
        name, text, value = match[1], match[2] or "", float(match[3])
        labels = tuple(sorted((key, value) for key, value in self.LABEL.findall(text)))
        assert len("".join(found[0] for found in self.LABEL.finditer(text))) == len(text), line
        family = name if name in self.types else re.sub(r"_(bucket|sum|count)$", "", name)
        assert family in self.types, f"{name} has no TYPE"
        assert (name, labels) not in self.samples, f"twice: {line}"
        self.samples[name, labels] = value

    def sum(self, name, **labels):
        """Over all samples of that name with these labels, or None where there is none."""
        values = [
            value
            for (sample, its), value in self.samples.items()
            if sample == name and labels.items() <= dict(its).items()
        ]
        return sum(values) if values else None

    def histograms(self):
        """{(family, labels): [(le, cumulative count), …]} in order of le."""
        found = {}
        for (name, labels), value in self.samples.items():
            family = name.removesuffix("_bucket")
            if family != name and self.types.get(family) == "histogram":
                rest = tuple(label for label in labels if label[0] != "le")
                found.setdefault((family, rest), []).append((float(dict(labels)["le"]), value))
        return {key: sorted(buckets) for key, buckets in found.items()}


def wait_for(condition, timeout=20, pause=0.05):
    """Polls until the condition's value is true and returns it; None when the time is up."""
    until = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            return None
        time.sleep(pause)
