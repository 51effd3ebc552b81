# SPDX-License-Identifier: MIT
"""The README tells the truth about what can be asked of the program.

    python3 tests/e2e/test_readme.py BINARY     puts the settings' table into README.md
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BEGIN = "<!-- settings: build/server/tapehead --help-markdown -->\n"
END = "<!-- end of settings -->"


def table(binary):
    return subprocess.run([binary, "--help-markdown"], capture_output=True, text=True, check=True).stdout


def test_the_readme_lists_every_setting_as_the_program_does():
    from server import BINARY

    text = (ROOT / "README.md").read_text()
    assert text.split(BEGIN)[1].split(END)[0] == table(BINARY), "run: python3 tests/e2e/test_readme.py build/server/tapehead"


if __name__ == "__main__":
    readme = ROOT / "README.md"
    head, rest = readme.read_text().split(BEGIN)
    readme.write_text(head + BEGIN + table(sys.argv[1]) + END + rest.split(END, 1)[1])
