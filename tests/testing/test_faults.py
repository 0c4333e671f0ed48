from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walead_async.testing import BadSetting, Fault, FaultName, FaultScript, LoggedRequest, Service, When
from walead_async.testing.faults import KINDS

VALUES = {
    FaultName.STATUS: "503",
    FaultName.HTML: "502",
    FaultName.REDIRECT: "http://127.0.0.1:1/",
    FaultName.APPLY_THEN_STATUS: "500",
    FaultName.CONTENT_ENCODING: "none",
}


def call(method: str = "GET", path: str = "/v1/blocked-leads", service: Service = Service.WALEAD) -> LoggedRequest:
    return LoggedRequest(service, method, path, {}, {}, authorized=True, raw_body=b"")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DELETE#3:apply-then-close", Fault("apply-then-close", method="DELETE", when=When.nth(3))),
        ("close", Fault("close")),
        ("*:close", Fault("close")),
        ("status=429/2", Fault("status", "429/2")),
        ("redirect=301/http://other.example/x:y", Fault("redirect", "301/http://other.example/x:y")),
        ("status=429/Wed, 21 Oct 2015 07:28:00 GMT", Fault("status", "429/Wed, 21 Oct 2015 07:28:00 GMT")),
        (
            "walead GET /v1/blocked-leads ~0.1 x5:status=503",
            Fault(
                "status",
                "503",
                service=Service.WALEAD,
                method="GET",
                path="/v1/blocked-leads",
                when=When(probability=0.1, count=5),
            ),
        ),
        ("POST/v1/campaigns/*#2- : hang", Fault("hang", method="POST", path="/v1/campaigns/*", when=When(first=2))),
        ("#2-4 %2 ~.5 x1:reset", Fault("reset", when=When(first=2, last=4, every=2, probability=0.5, count=1))),
        ("phonely%10:nan", Fault("nan", service=Service.PHONELY, when=When(every=10))),
        ("slow-body=0.01", Fault("slow-body", "0.01")),
    ],
)
def test_a_fault_is_read_from_text(text: str, expected: Fault):
    assert Fault.parse(text) == expected


moments = st.builds(
    lambda first, more, every, tenths, count: When(
        first=first,
        last=None if more is None else first + more,
        every=every,
        probability=tenths / 10,
        count=count,
    ),
    st.integers(1, 99),
    st.none() | st.integers(0, 9),
    st.integers(1, 9),
    st.integers(1, 10),
    st.none() | st.integers(1, 9),
)


@given(
    st.sampled_from(FaultName),
    st.none() | st.sampled_from(Service),
    st.none() | st.sampled_from(["GET", "DELETE"]),
    st.none() | st.sampled_from(["/agent-block-list", "/v1/campaigns/*/blocked-leads"]),
    moments,
)
def test_a_fault_as_text_reads_as_the_same_fault(
    name: FaultName, service: Service | None, method: str | None, path: str | None, when: When
):
    fault = Fault(name, VALUES.get(name), service=service, method=method, path=path, when=when)

    assert Fault.parse(str(fault)) == fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("aply-twice", "there is no fault 'aply-twice'; did you mean 'apply-twice'?"),
        ("GET:wobble", "there is no fault 'wobble'. Known are status, html,"),
        ("", "is not a fault"),
        (":close", "is not a fault"),
        ("get:close", "is not a fault"),
        ("FETCH:close", "'FETCH' is not one of the methods"),
        ("GET#0:close", "counted from 1"),
        ("GET#5-3:close", "a range runs upwards"),
        ("GET%0:close", "whole numbers from 1"),
        ("GET~0:close", "a probability is above 0"),
        ("GET~1.5:close", "a probability is above 0"),
        ("GET#x:close", "is not a fault"),
        ("GET#3x2:close", "is not a fault"),
        ("status", "takes a status from 200 to 599"),
        ("status=99", "takes a status from 200 to 599"),
        ("status=429/2\nX-Other: 1", "takes a status from 200 to 599"),
        ("redirect=ftp://x", "takes an http or https URL"),
        ("redirect=500/http://x", "takes an http or https URL"),
        ("slow-body=fast", "takes seconds from 0"),
        ("slow-body=nan", "takes seconds from 0"),
        ("zip-bomb=big", "takes a number of bytes up to 10G"),
        ("zip-bomb=11G", "takes a number of bytes up to 10G, such as 500, 64K or 100M, not '11G'"),
        ("short-page=-1", "takes a number of records from 0"),
        ("missing-field=", "takes the name of a field"),
        ("close=1", "takes nothing behind ="),
    ],
)
def test_a_text_that_is_no_fault_is_refused_with_the_reason(text: str, said: str):
    with pytest.raises(BadSetting) as raised:
        Fault.parse(text)

    assert said in str(raised.value)


def test_every_name_has_a_line_in_the_table():
    assert list(KINDS) == list(FaultName)


@pytest.mark.parametrize("name", [name for name in FaultName if name not in VALUES])
def test_a_fault_that_needs_no_value_can_do_without(name: FaultName):
    assert Fault.parse(name.value).name is name


def test_a_fault_counts_only_the_requests_it_means():
    script = FaultScript(0)
    script.add("DELETE#2:close")
    chosen = [script.choose(call(method)) is not None for method in ("DELETE", "GET", "POST", "DELETE", "DELETE")]

    assert chosen == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("match", "met"),
    [("walead", True), ("phonely", False), ("GET", True), ("POST", False), ("/v1/*", True), ("/v2/*", False)],
)
def test_a_fault_chooses_by_service_method_and_path(match: str, met: bool):
    assert Fault.parse(f"{match}:close").meets(call()) is met


def test_a_request_plays_one_fault_and_the_other_stays_unfired():
    script = FaultScript(0)
    script.add("GET#1:close", "GET#1:reset")
    fault = script.choose(call())

    assert str(fault) == "GET #1:close"
    assert [str(unfired) for unfired in script.unfired()] == ["GET #1:reset"]


def test_one_bad_fault_adds_none():
    script = FaultScript(0)
    with pytest.raises(BadSetting):
        script.add("close", "wobble")

    assert len(script) == 0
