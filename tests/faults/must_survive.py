"""All that must be survived, by name: what other tests hold, and what is not covered yet."""

from __future__ import annotations

#: All that must be survived. A name without a row here or a line below is a hole, and a test finds it.
MUST_SURVIVE: dict[str, tuple[str, ...]] = {
    "connection": (
        "refused",
        "reset before the body",
        "reset during the body",
        "reset after the body",
        "half-open for ever",
        "closed keep-alive",
        "DNS failure",
        "TLS with a wrong certificate",
        "a slow body",
    ),
    "status": (
        *("401", "403", "404", "408", "409", "413", "422", "425", "429", "500", "502", "503", "504"),
        "an HTML error page",
        "3xx to another host",
        "204",
        "other statuses",
        "an echo of the key",
    ),
    "body": (
        *("empty", "null", "an object for an array", "truncated JSON", "truncated gzip", "success: false"),
        *("extra fields", "a missing field", "a wrong type", "a bad date", "NaN", "a lone surrogate"),
        *("100 MB", "a zip bomb", "a wrong charset"),
    ),
    "effect": (
        "applied and answered",
        "applied and not answered",
        "not applied and not answered",
        "applied twice",
        "a part applied with a 500",
    ),
    "paging": (
        *("records removed", "records added", "people blocked again", "the caller unblocks what it reads"),
        *("a repeated page", "an empty middle page", "a page size that changes", "unstable ties", "ids twice"),
        "a page out of order",
    ),
    "client": (
        *("cancelled at every await", "event loop closed", "session closed while in use", "break in a loop"),
        *("two loops over one listing", "deadline during a back-off", "clock steps", "2,000 concurrent callers"),
    ),
    "process": (
        *("kill -9 at every journal write", "disk full", "journal from a newer version", "journal locked"),
        *("journal damaged", "journal read-only", "two processes on one journal", "out-of-order start of workers"),
    ),
    "input": (
        *("1,000,000 items", "an empty list", "a generator that raises", "identifiers as people paste them"),
        *("ids that would change the path", "a key with a newline", "http:// to another host"),
        "CSV cells that a spreadsheet would run",
    ),
}

#: What other tests hold, since no call of the matrix is concerned.
HELD_BY: dict[str, str] = {
    "2,000 concurrent callers": "tests/faults/test_callers.py::test_2000_callers_all_end_and_each_end_is_true",
    "1,000,000 items": "tests/faults/test_callers.py::test_a_million_items_all_end",
    "an empty list": "tests/bulk/test_runner.py::test_an_empty_input_makes_an_empty_report_and_sends_nothing",
    "a generator that raises": "tests/bulk/test_runner.py::test_a_source_that_raises_ends_the_stream_in_order",
    "identifiers as people paste them": "tests/test_identifiers.py::test_every_spelling_of_one_person_is_one_key",
    "ids that would change the path": "tests/test_session.py::test_an_id_that_would_change_the_path_is_refused",
    "a key with a newline": "tests/test_session.py::test_a_key_that_cannot_be_one_is_refused_and_not_shown",
    "http:// to another host": "tests/test_security.py::test_no_key_goes_out_in_the_clear",
    "CSV cells that a spreadsheet would run": "tests/test_security.py::test_no_cell_of_an_export_is_a_formula",
}

#: What no test holds: the client keeps nothing on disk between two runs of a program.
NOT_COVERED_YET = frozenset(MUST_SURVIVE["process"])
