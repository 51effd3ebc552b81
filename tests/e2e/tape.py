# SPDX-License-Identifier: MIT
"""tape: capture files, read by two libraries that aren't ours."""

import msgpack
import zstandard


def ticks(path):
    """As schemas/tape.md shows it."""
    with open(path, "rb") as file:
        plain = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        yield from msgpack.Unpacker(plain)


def series(folder):
    """All ticks of a folder's files, in order."""
    for path in sorted(folder.glob("*.tape")):
        yield from ticks(path)


def blocks(path):
    """(where it begins, how long header and data are) of each block, and where the index begins."""
    data, at, found = path.read_bytes(), 0, []
    while data[at + 14 : at + 15] == b"B":
        header = 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        length = header + int.from_bytes(data[at + 48 : at + 52], "little")
        found.append((at, header, length))
        at += length
    return found, at
