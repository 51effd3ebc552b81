# SPDX-License-Identifier: MIT
"""summary: adds up JUnit results, of meson and of pytest alike, and ends with `N passed, N failed, N skipped`.

    summary.py FOLDER [--failed SENTENCE]…

Exits with 1 when anything failed or nothing passed. Standard library only: it must tell of a failed installation too.
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


class Count:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def add(self, path):
        try:
            cases = list(ElementTree.parse(path).iter("testcase"))
        except ElementTree.ParseError as error:
            self.failed.append(f"{path.name} can't be read: {error}")
            return
        for case in cases:
            name = f"{path.stem}: {case.get('classname', '')} {case.get('name', '')}"
            kinds = {child.tag: child for child in case}
            if "failure" in kinds or "error" in kinds:
                self.failed.append(name)
            elif "skipped" in kinds:
                self.skipped.append(f"{name}: {kinds['skipped'].get('message') or 'no reason given'}")
            else:
                self.passed += 1


def main(folder, *arguments):
    count = Count()
    for path in sorted(Path(folder).glob("*.xml")):
        count.add(path)
    count.failed += [sentence for option, sentence in zip(arguments[::2], arguments[1::2]) if option == "--failed"]
    for sentence in count.skipped:
        print(f"skipped  {sentence}")
    for sentence in count.failed:
        print(f"failed   {sentence}")
    print(f"{count.passed} passed, {len(count.failed)} failed, {len(count.skipped)} skipped")
    return 1 if count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
