"""`python -m walead_async.cli`: the same as `walead`."""

from __future__ import annotations

import sys

from walead_async.cli.main import main

sys.exit(main())
