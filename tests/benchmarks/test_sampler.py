from __future__ import annotations

import pytest

from benchmarks.sampler import place_of


@pytest.mark.parametrize(
    ("filename", "place"),
    [
        ("/lib/walead_async/paging/reader.py", "walead_async: paging"),
        ("/lib/walead_async/transport/decode.py", "walead_async: records from JSON, checked"),
        ("/lib/walead_async/transport/http.py", "walead_async: transport"),
        ("/lib/walead_async/session.py", "walead_async: resources and values"),
        ("<attrs generated methods walead_async.models.Outcome>", "attrs"),
        ("/lib/python3.11/asyncio/events.py", "asyncio and selectors"),
        ("/lib/site-packages/yarl/_url.py", "aiohttp, yarl, multidict"),
        ("/here/benchmarks/sampler.py", "JSON (orjson)"),
        ("/here/benchmarks/subjects.py", "the calling program"),
        ("/lib/python3.11/weakref.py", None),
    ],
)
def test_a_frame_counts_for_its_files_place_or_else_for_its_caller(filename: str, place: str | None) -> None:
    assert place_of(filename) == place
