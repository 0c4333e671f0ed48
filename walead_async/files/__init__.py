"""Work on whole files: rows in, exports out, contact files without those who are blocked."""

from __future__ import annotations

from walead_async.files.filter import FilterReport, filter_file
from walead_async.files.sources import rows

__all__ = ["FilterReport", "filter_file", "rows"]
