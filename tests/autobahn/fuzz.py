# SPDX-License-Identifier: MIT
"""fuzz SPEC [MESSAGES]: does what `wstest -m fuzzingclient -s SPEC` does, with MESSAGES instead of 1,000 in each case of
groups 12 and 13; under Python 2.7, see python2.sh.

Autobahn masks and validates octet by octet in Python, which would be most of the time. Here both are done in runs of
octets, with the same results.
"""

import json
import re
import sys

from autobahntestsuite import fuzzing  # first: it chooses the reactor
from autobahn.websocket import protocol
from autobahn.websocket.utf8validator import UTF8_ACCEPT, Utf8Validator
from autobahntestsuite.case import Case12_X_X, Case13_X_X
from twisted.internet import reactor

XOR = [bytes(bytearray(octet ^ mask for octet in range(256))) for mask in range(256)]
RUNS = re.compile(b"[\x00-\x7f]+|[\x80-\xff]+")


class Masker(object):
    """A quarter of the octets at a time."""

    def __init__(self, mask, length=None):
        self.mask = bytearray(mask)
        self.at = 0

    def pointer(self):
        return self.at

    def reset(self):
        self.at = 0

    def process(self, data):
        masked = bytearray(len(data))
        for n in range(4):
            masked[n::4] = data[n::4].translate(XOR[self.mask[(self.at + n) & 3]])
        self.at += len(data)
        return bytes(masked)


class Validator(Utf8Validator):
    """Passes over ASCII between code points; anything else takes its usual way."""

    def validate(self, octets):
        for run in RUNS.findall(octets):
            if self.state == UTF8_ACCEPT and run < b"\x80":
                self.i += len(run)
            else:
                answer = Utf8Validator.validate(self, run)
                if not answer[0]:
                    return answer
        return True, self.state == UTF8_ACCEPT, len(octets), self.i


def main(spec, messages=1000):
    protocol.createXorMasker, protocol.Utf8Validator = Masker, Validator
    for case in Case12_X_X + Case13_X_X:
        case.COUNT = int(messages)
    with open(spec) as file:
        fuzzing.startClient(json.load(file))
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
