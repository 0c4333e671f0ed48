"""`walead docs`: where the pages about this package are."""

from __future__ import annotations

from importlib.metadata import metadata
from pathlib import Path

import click

import walead_async
from walead_async.cli.options import ServiceOptions, common
from walead_async.cli.output import say, write_json, write_words

__all__ = ["docs_command"]
