# SPDX-License-Identifier: MIT
"""layers: reads layers.txt."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Layer:
    def __init__(self, folder, may_include, runs, purpose):
        self.folder = folder
        self.may_include = may_include.split()
        self.runs = runs
        self.purpose = purpose


class Layers:
    def __init__(self, text=None):
        rows = sections(text or (Path(__file__).parent / "layers.txt").read_text())
        self.layers = {row[0]: Layer(*row) for row in rows["layers"]}
        self.path = rows["path"]
        self.third_party = {header: files.split() for header, files in rows["third-party"]}

    def of(self, path):
        """The layer of a file, the deepest folder that is one; None outside the layers."""
        folders = [folder for folder in self.layers if path.startswith(folder + "/")]
        return max(folders, key=len, default=None)

    def allows(self, file, included):
        layer, target = self.of(file), self.of(included)
        return target == layer or target in self.layers[layer].may_include


def sections(text):
    found, rows = {}, None
    for line in text.splitlines():
        if line.startswith("["):
            rows = found.setdefault(line.strip("[] "), [])
        elif line and not line.startswith("#"):
            rows.append([cell.strip() for cell in line.split("|")])
    return found
