"""Work on whole files: rows in, exports out."""

from __future__ import annotations

from walead_async.files.sources import rows

__all__ = ["rows"]
