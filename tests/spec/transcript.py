# SPDX-License-Identifier: MIT
"""transcript: reads tests/spec/*.txt, for those who run them in Python; README.md has the language, transcript.c the same in C."""

import re
from dataclasses import dataclass, field
from pathlib import Path

SPEC = Path(__file__).resolve().parent
FILES = sorted(SPEC.glob("*.txt"))

HEX = re.compile(r"((?:[0-9a-f]{2})*)([0-9a-f]{2})(?:\*(\d+))?")
STEP = re.compile(r"[-+=<>]|text|binary|close |answer |end$")


@dataclass
class Step:
    data: bytes
    expected: list = field(default_factory=list)  # (kind, value)


@dataclass
class Case:
    file: str
    name: str
    handshake: bool  # it begins with a request; the others with a WebSocket that is open
    deflate: bool  # and that has permessage-deflate
    steps: list = field(default_factory=list)

    @property
    def data(self):
        return b"".join(step.data for step in self.steps)

    @property
    def expected(self):
        return [one for step in self.steps for one in step.expected]

    @property
    def violates(self):
        """Whether it ends in an error of the connection."""
        return any(kind == "close" for kind, _ in self.expected)


def hex_bytes(text):
    data = b""
    for word in text.split():
        match = HEX.fullmatch(word)
        assert match, f"not bytes: {text}"
        data += bytes.fromhex(match[1]) + bytes.fromhex(match[2]) * int(match[3] or 1)
    return data


def name_of(header):
    return header.split(":")[0].lower()


def changed(request, line):
    sign, header = line[0], line[2:]
    if sign != "+":
        kept = request[:1] + [other for other in request[1:] if name_of(other) != name_of(header)]
        assert len(kept) < len(request), f"the request has no such field: {line}"
        request = kept
    return request if sign == "-" else [*request, header]


def expectation(line):
    word, _, rest = line.partition(" ")
    if word == "<":
        return word, hex_bytes(rest)
    if word in ("text", "binary"):
        return word, hex_bytes(rest)
    if word == "close":
        return word, int(rest)
    if word == "answer" and rest.isdigit():
        return word, int(rest)
    if word == "answer" and rest.startswith("without "):
        return "without", rest.removeprefix("without ")
    return ("field", rest) if word == "answer" else (word, None)


def read(path):
    cases, plain, own, deflate = [], [], None, False
    for line in [*path.read_text().split("\n"), ">"]:
        if not line or line.startswith("#"):
            continue
        if not cases and line == "deflate":
            deflate = True
        elif not cases and line.startswith("request "):
            plain.append(line.removeprefix("request "))
        elif line[0] in "+-=":
            own = changed(own, line)
        else:
            if own:
                cases[-1].steps[-1].data = "\r\n".join([*own, "", ""]).encode()
                own = None
            if not STEP.match(line):
                cases.append(Case(path.name, line, bool(plain), deflate))
            elif line.startswith("> request"):
                first = line.removeprefix("> request").strip()
                own = [first or plain[0], *plain[1:]]
                cases[-1].steps.append(Step(b""))
            elif line[0] == ">":
                cases[-1].steps.append(Step(hex_bytes(line[1:])))
            else:
                cases[-1].steps[-1].expected.append(expectation(line))
    del cases[-1].steps[-1]  # the last line above
    return cases
