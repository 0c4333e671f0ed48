"""A click program that does nothing: what `walead --help` is measured against."""

from __future__ import annotations

import click


@click.command()
def program() -> None:
    """Do nothing."""


if __name__ == "__main__":
    program()
