"""Writes the pages for programs that read text: `llms.txt`, their list, and `llms-full.txt`, all of them.

`python docs/llms.py TEXT OUTPUT`: TEXT is the folder of Sphinx's text builder, which holds the docstrings, too.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = Path(__file__).parent
TOCTREE = re.compile(r"```\{toctree\}\n:caption: (.+?)\n(?::.*\n)*\n((?:.+\n)+)```")


def chapters() -> Iterator[tuple[str, list[str]]]:
    """The chapters of the first page, and the names of their pages."""
    for caption, entries in TOCTREE.findall((PAGES / "index.md").read_text(encoding="utf-8")):
        names = [
            path.relative_to(PAGES).with_suffix("")
            for name in entries.split()
            for path in sorted(PAGES.glob(f"{name}.md"))
        ]
        yield caption, [name.as_posix() for name in names]


def title_of(name: str) -> str:
    """The heading of a page; the page on security stands in the root of the project."""
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    if included := re.search(r"\{include\} (\S+)", text):
        text = (PAGES / name).parent.joinpath(included[1]).read_text(encoding="utf-8")
    return text.partition("\n")[0].lstrip("# ")


def write(text: Path, output: Path) -> None:
    """Write both files into the folder of the built pages."""
    first = (PAGES / "index.md").read_text(encoding="utf-8").split("\n\n")
    listed = [first[0], "> " + " ".join(first[1].split())]
    whole = [(text / "index.txt").read_text(encoding="utf-8")]
    for caption, names in chapters():
        listed.append(f"## {caption}\n\n" + "\n".join(f"- [{title_of(name)}]({name}.html)" for name in names))
        whole += [(text / f"{name}.txt").read_text(encoding="utf-8") for name in names]
    listed.append("## All of it\n\n- [As text](llms-full.txt)\n- [As one page](single/index.html)")
    (output / "llms.txt").write_text("\n\n".join(listed) + "\n", encoding="utf-8")
    (output / "llms-full.txt").write_text("\n\n".join(whole), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
