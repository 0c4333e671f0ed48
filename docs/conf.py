"""How Sphinx builds these pages: nothing here needs a network."""

from __future__ import annotations

import importlib.metadata
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "walead_async"
author = "walead_async contributors"
copyright = author
release = version = importlib.metadata.version("walead_async")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "samples"]
html_theme = "furo"
html_title = f"walead_async {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# In docstrings a word between single backticks is code.
default_role = "literal"
autodoc_class_signature = "mixed"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
maximum_signature_line_length = 100
python_use_unqualified_type_names = True


def end_code(app: Sphinx, what: str, name: str, documented: object, options: object, lines: list[str]) -> None:
    """Code ends at its backtick, also where a letter follows, as in `Page`s."""
    code = re.compile(r"(`[^`]+`)(\w?)")
    lines[:] = [code.sub(lambda found: "\\ ".join(filter(None, found.groups())), line) for line in lines]


def draw_error_tree(app: Sphinx, what: str, name: str, documented: object, options: object, lines: list[str]) -> None:
    """The tree that opens the module of errors is a drawing, not a paragraph."""
    if name == "walead_async.errors":
        lines[:] = [lines[0], "", "::", "", *(f"    {line}" for line in lines[1:])]


def leave_out_object(
    app: Sphinx, what: str, name: str, documented: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None] | None:
    """A setting is said to take any `object`, since it is converted: its type stands with its name further down."""
    if name == "walead_async.testing.Settings" and signature:
        return signature.replace(": object = ", "="), returned
    return None


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", leave_out_object)
    app.connect("autodoc-process-docstring", end_code)
    app.connect("autodoc-process-docstring", draw_error_tree)
