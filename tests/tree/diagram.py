# SPDX-License-Identifier: MIT
"""diagram: draws the path of a tick from layers.txt and keeps README.md's copy of it up to date.

    python3 tests/tree/diagram.py            prints it
    python3 tests/tree/diagram.py --write    puts it between the markers in README.md
"""

import sys

from layers import ROOT, Layers

BEGIN = "<!-- diagram: tests/tree/diagram.py writes this from tests/tree/layers.txt -->"
END = "<!-- end of diagram -->"


def draw(layers):
    width = max(len(name) + 1 for name in [*layers.layers, *(step[0] for step in layers.path)]) + 2
    lines = []
    for name, handed_on in layers.path:
        layer = layers.layers.get(name)
        lines.append(row(name, layer, width) if layer else name)
        if handed_on:
            lines += [f"  │  {handed_on}", "  ▼"]
    on_path = {name for name, _ in layers.path}
    beside = [layer for name, layer in layers.layers.items() if name not in on_path]
    lines += ["", "Beside the path, each including only what stands below it:"]
    lines += [row(layer.folder, layer, width) for layer in reversed(beside)]
    return "\n".join(["```", *lines, "```"])


def row(name, layer, width):
    where = f"{layer.runs}: " if layer.runs else ""
    return f"{name + '/':<{width}}{where}{layer.purpose}"


def between(text):
    """What README.md has between the markers; None without them."""
    if BEGIN not in text or END not in text:
        return None
    return text.split(BEGIN, 1)[1].split(END, 1)[0].strip("\n")


def main():
    drawn = draw(Layers())
    if sys.argv[1:] != ["--write"]:
        print(drawn)
        return 0
    readme = ROOT / "README.md"
    text = readme.read_text()
    if between(text) is None:
        print(f"diagram: README.md lacks the lines\n{BEGIN}\n{END}", file=sys.stderr)
        return 1
    head, rest = text.split(BEGIN, 1)
    readme.write_text(f"{head}{BEGIN}\n{drawn}\n{END}{rest.split(END, 1)[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
