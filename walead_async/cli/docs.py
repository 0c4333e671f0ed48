"""`walead docs`: where the pages about this package are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from walead_async.cli.options import ExitCode, common
from walead_async.cli.output import say, write_json, write_words

if TYPE_CHECKING:
    from walead_async.cli.options import ServiceOptions

__all__ = ["docs_command"]

PACKAGE = Path(__file__).parents[1]


@click.command("docs")
@common
def docs_command(service: ServiceOptions, as_json: bool) -> int:
    """Say where the pages about this package are.

    An installed package brings them as Markdown. In a copy of the repository, `nox -s docs` builds them as HTML, as one
    page, and as plain text.
    """
    pages = next((folder for folder in (PACKAGE / "docs", PACKAGE.parent / "docs") if folder.is_dir()), None)
    if pages is None:
        say("walead: this installation has no pages: python -m pip install --force-reinstall walead_async")
        return ExitCode.NOT_DONE
    html = pages / "_build" / "html" / "index.html"
    if as_json:
        write_json([{"pages": str(pages / "index.md"), "html": str(html) if html.is_file() else None}])
    else:
        write_words([f"pages  {pages / 'index.md'}"])
        if html.is_file():
            write_words([f"html   {html}"])
    return ExitCode.DONE
