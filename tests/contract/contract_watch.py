"""A pytest plugin: every request of our client that reaches an emulator is held against the OpenAPI file.

`nox -s contract` loads it with `-p contract_watch`; a test whose requests do not stand in the file fails.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest

from walead_async.testing import Emulator, LoggedRequest, Service, openapi

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Our client says so in its User-Agent; what tests send by hand is none of its business.
OURS = "walead_async/"


def _closed(part: Any) -> Any:
    """The same document, in which no object takes a field that it does not name."""
    if isinstance(part, list):
        return [_closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    closed = {name: _closed(one) for name, one in part.items()}
    if part.get("type") == "object" and "properties" in part:
        closed["additionalProperties"] = False
    return closed


def _mocked(request: LoggedRequest) -> MockRequest:
    """The request as openapi-core takes one, at the vendor's address."""
    servers: Any = openapi(request.service)["servers"]
    url = urlsplit(servers[0]["url"])
    return MockRequest(
        f"{url.scheme}://{url.netloc}",
        request.method,
        url.path + quote(request.path),
        args=dict(request.query),
        headers={"x-api-key" if request.service is Service.WALEAD else "X-Authorization": "left out of the log"},
        data=request.raw_body,
        content_type=request.headers.get("content-type", ""),
    )


class Contract:
    """The OpenAPI file, read strictly: a parameter or a field that it does not name may not be sent.

    A key is not looked for, since the emulator's log keeps none.
    """

    def __init__(self) -> None:
        document: Any = openapi()
        self._paths: dict[str, Any] = document["paths"]
        self._api = OpenAPI.from_dict(_closed(document))
        self.operations = {
            operation["operationId"]
            for item in self._paths.values()
            for operation in item.values()
            if "operationId" in operation
        }

    def operation_of(self, request: LoggedRequest) -> dict[str, Any] | None:
        """The operation that this request asks for, None if there is none."""
        for template, item in self._paths.items():
            pattern = re.sub(r"\{\w+\}", "[^/]+", template)
            if item["x-service"] == request.service and re.fullmatch(pattern, request.path):
                found: dict[str, Any] | None = item.get(request.method.lower())
                return found
        return None

    def problem_of(self, request: LoggedRequest) -> str | None:
        """Why this request does not stand in the file, None if it does."""
        operation = self.operation_of(request)
        if operation is None:
            return "there is no such operation"
        if extra := set(request.query) - {parameter["name"] for parameter in operation.get("parameters", [])}:
            return f"the parameters {sorted(extra)} are not in the file"
        if len(request.query) != len(set(request.query)):
            return "a parameter is given twice"
        if request.raw_body and "requestBody" not in operation:
            return "the operation takes no body"
        try:
            self._api.validate_request(_mocked(request))
        except OpenAPIError as error:
            return f"{error}: {error.__cause__ or ''}"
        return None


class Watch:
    """What was seen in this run: the operations, and what is wrong, until a test is blamed for it."""

    def __init__(self) -> None:
        self.contract = Contract()
        self.seen: Counter[str] = Counter()
        self.problems: list[str] = []
        self._known: set[object] = set()

    def look_at(self, requests: Iterable[LoggedRequest]) -> None:
        """Check the requests that are our client's, each that is like no other once."""
        for request in requests:
            body = request.raw_body
            alike = (request.service, request.method, request.path, tuple(request.query.items()), body)
            if not request.headers.get("user-agent", "").startswith(OURS) or alike in self._known:
                continue
            if int(request.headers.get("content-length", "0")) > len(body):
                continue  # a fault stopped reading before its body had come
            self._known.add(alike)
            if problem := self.contract.problem_of(request):
                self.problems.append(f"{request.method} {request.path} {dict(request.query)} {body[:200]!r}: {problem}")
            elif operation := self.contract.operation_of(request):
                self.seen[operation["operationId"]] += 1


WATCH = Watch()


_end = Emulator.aclose


async def _end_watched(emulator: Emulator) -> None:
    """End, and look at the log."""
    await _end(emulator)
    WATCH.look_at(emulator.requests)


# On the class itself, so that no test gets one that is not watched, wherever it imports it from.
Emulator.aclose = _end_watched  # type: ignore[method-assign]  # on purpose


@pytest.fixture(autouse=True)
def _requests_stand_in_the_contract() -> Iterator[None]:
    yield
    problems, WATCH.problems = WATCH.problems, []
    assert not problems, "\n".join(problems)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was checked."""
    terminalreporter.section("requests of the client that stand in the OpenAPI file")
    for operation in sorted(WATCH.contract.operations):
        terminalreporter.write_line(f"{WATCH.seen[operation]:7,} {operation}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that never made one of the calls has checked less than it says."""
    if session.exitstatus == pytest.ExitCode.OK and WATCH.contract.operations - set(WATCH.seen):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
