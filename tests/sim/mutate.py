#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that the simulation can fail: applies each bug of mutations.txt to a copy of one source file, links a program with it,
and requires that it fails.

    mutate.py BUILD [WORD…]     only the mutations whose names hold one of the words

Only the mutated file is compiled, with the flags that the build uses for it, and it stands before the libraries in the link, so
that its object is taken and the archive's is not."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).absolute().parents[2]
SEEDS = 48000
PROGRAMS = {
    "sim": ("tests/sim/sim", ["--from", "1", "--seeds", str(SEEDS)]),
    "interleave": ("tests/sim/interleave/interleave", ["3"]),
}


class Mutation:
    def __init__(self, name, head, lines):
        self.name = name
        self.path, self.program = head.split()
        self.old = "".join(line[2:] + "\n" for line in lines if line.startswith("- "))
        self.new = "".join(line[2:] + "\n" for line in lines if line.startswith("+ "))

    def apply(self):
        """The mutated text; `path` is then the file's, where it was a folder."""
        place = ROOT / self.path
        files = [place] if place.is_file() else sorted(place.glob("*.c"))
        found = [(file, file.read_text().count(self.old)) for file in files]
        times = sum(count for _, count in found)
        if not self.old or times != 1:
            raise ValueError(f"its text is there {times} times in {self.path}: bring mutations.txt up to date")
        file = next(file for file, count in found if count)
        self.path = str(file.relative_to(ROOT))
        return file.read_text().replace(self.old, self.new)


def read():
    text = re.sub(r"^#.*\n", "", (Path(__file__).parent / "mutations.txt").read_text(), flags=re.MULTILINE)
    parts = re.split(r"^\[(.*)\]\n", text, flags=re.MULTILINE)[1:]
    for name, body in zip(parts[::2], parts[1::2]):
        head, *lines = body.strip("\n").split("\n")
        yield Mutation(name, head, lines)


class Build:
    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        entries = json.loads((self.folder / "compile_commands.json").read_text())
        self.entries = [(os.path.normpath(os.path.join(e["directory"], e["file"])), e) for e in entries]
        self.links = {name: self.link_command(target) for name, (target, _) in PROGRAMS.items()}

    def run(self, command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"{shlex.join(command)[:200]}…: {done.stdout}{done.stderr}")

    def link_command(self, target):
        done = subprocess.run(["ninja", "-t", "commands", target], cwd=self.folder, capture_output=True, text=True, check=True)
        return shlex.split(done.stdout.strip().splitlines()[-1])

    def compile(self, mutation, source, output):
        """As the library that the program is linked with has it compiled."""
        inside = mutation.program == "interleave"
        entry = next(e for path, e in self.entries
                     if path == str(ROOT / mutation.path) and ("/interleave/" in e["output"]) == inside)
        command = shlex.split(entry["command"])
        at = command.index("-o")
        command[at + 1] = str(output)
        command[command.index("-c") + 1] = str(source)
        for flag in ("-MQ", "-MF"):
            if flag in command:
                command[command.index(flag) + 1] = str(output) + ".d"
        self.run(command + ["-Wno-error"])

    def link(self, mutation, own_object, output):
        command = self.links[mutation.program][:]
        at = command.index("-o")
        command[at + 1] = str(output)
        # An object of the program's own is replaced; a library's is taken from the first place that has it.
        stem = Path(mutation.path).name
        mine = [i for i, word in enumerate(command) if ".p/" in word and word.endswith(stem + ".o")]
        for i in mine:
            command[i] = str(own_object)
        if not mine:
            command.insert(at + 2, str(own_object))
        self.run(command)

    def make(self, mutation, number):
        folder = self.folder / "tests" / "sim" / "mutants"
        folder.mkdir(exist_ok=True)
        source, own_object, program = (folder / f"{number}{end}" for end in (".c", ".o", ""))
        source.write_text(mutation.apply())
        self.compile(mutation, source, own_object)
        self.link(mutation, own_object, program)
        return program


def try_out(build, mutation, number):
    """(caught?, how)"""
    try:
        program = build.make(mutation, number)
    except ValueError as error:
        return False, str(error)
    began = time.monotonic()
    arguments = PROGRAMS[mutation.program][1]
    done = subprocess.run([program, *arguments], capture_output=True, text=True, errors="replace", timeout=300)
    os.unlink(program)
    took = time.monotonic() - began
    if not done.returncode:
        return False, f"not caught in {took:.0f} s"
    failure = re.search(r"seed (\d+) (?:fails at [\d.]+ s: )?(.*)", done.stderr)
    if failure:
        return True, f"seed {failure[1]:>5}  {failure[2]}"
    return True, (done.stderr.strip().splitlines() or ["ended with " + str(done.returncode)])[0]


def main():
    build = Build(sys.argv[1])
    chosen = [m for m in read() if not sys.argv[2:] or any(word in m.name for word in sys.argv[2:])]
    bad = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = pool.map(lambda pair: try_out(build, pair[1], pair[0]), enumerate(chosen))
        for mutation, (caught, how) in zip(chosen, results):
            print(f"{'caught' if caught else 'MISSED':7} {mutation.name:58} {how}", flush=True)
            bad += not caught
    print(f"{len(chosen) - bad} of {len(chosen)} mutations caught")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
