# SPDX-License-Identifier: MIT
"""browser: a headless Chromium with one page, spoken to over its DevTools port; its profile lives in a folder of its own."""

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path

from websockets.sync.client import connect

from server import wait_for

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--no-default-browser-check", "--window-size=1280,900", "--remote-debugging-port=0", "--ignore-certificate-errors",
]  # fmt: skip


def find():
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.last_id = 0
        self.problems = []  # what the page threw, and what its console called an error
        self.process = subprocess.Popen(
            [find(), *FLAGS, f"--user-data-dir={self.folder}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            self._attach()
        except BaseException:
            self.stop()
            raise

    def _attach(self):
        written = self.folder / "DevToolsActivePort"
        lines = wait_for(lambda: written.exists() and written.read_text().splitlines(), 30)
        assert lines, "chromium did not open its DevTools port"
        with urllib.request.urlopen(f"http://127.0.0.1:{lines[0]}/json/list", timeout=20) as answer:
            pages = [page for page in json.load(answer) if page["type"] == "page"]
        self.socket = connect(
            pages[0]["webSocketDebuggerUrl"], max_size=None, compression=None, ping_interval=None, legacy=True
        )
        self.call("Runtime.enable")
        self.call("Page.enable")

    def call(self, method, **params):
        self.last_id += 1
        self.socket.send(json.dumps({"id": self.last_id, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(30))
            if message.get("id") == self.last_id:
                assert "error" not in message, message
                return message["result"]
            if message.get("method") == "Runtime.exceptionThrown":
                self.problems.append(message["params"]["exceptionDetails"])

    def go(self, url):
        self.call("Page.navigate", url=url)

    def value(self, expression):
        """Of a JavaScript expression, as JSON has it."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
