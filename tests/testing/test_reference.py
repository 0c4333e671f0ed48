from __future__ import annotations

import re
from pathlib import Path

from walead_async import testing

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "testing.md"


def test_the_reference_has_every_exported_name():
    page = PAGE.read_text(encoding="utf-8")
    told = re.findall(r"^\.\. auto\w+:: walead_async\.testing\.(\w+)", page, re.MULTILINE)

    assert sorted(told) == sorted(testing.__all__)
