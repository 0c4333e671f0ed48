from __future__ import annotations

import sys
from pathlib import Path

# At the end, so that the package which is tested is still the installed one.
sys.path.append(str(Path(__file__).parents[2]))
