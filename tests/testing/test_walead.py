from __future__ import annotations

import pytest
from asking import LIST, Start

from walead_async.testing import Settings

CAMPAIGN = "/v1/campaigns/c1/blocked-leads"


def settings(**changes: object) -> Settings:
    return Settings().changed(changes)


@pytest.mark.parametrize("key", ["", "wrong"])
async def test_without_the_key_nothing_is_told_or_done(start: Start, key: str):
    ask = await start(leads=1)
    answers = [
        await ask.walead("GET", key=key),
        await ask.walead("POST", key=key, json={"leads": [{"publicIdentifier": "a"}]}),
        await ask.walead("DELETE", key=key, json=ask.emulator.blocked_leads.ids()),
        await ask.walead("GET", CAMPAIGN, key=key),
        await ask.walead("GET", "/v1/campaigns/c1", key=key),
    ]

    assert [answer.status for answer in answers] == [401] * 5
    assert ask.emulator.blocked_leads.identifiers() == ["lead-0000001"]


async def test_the_list_begins_with_the_newest_unless_asked(start: Start):
    ask = await start(settings=settings(page_size=2))
    ask.emulator.add_leads(["a", "b", "c"])

    assert (await ask.walead("GET")).names == ["c", "b"]
    assert (await ask.walead("GET", sort="ASC")).names == ["a", "b"]
    assert (await ask.walead("GET", sort="ASC", offset=2)).names == ["c"]
    assert (await ask.walead("GET", sort="ASC", offset=3)).names == []
    assert (await ask.walead("GET", offset=2)).names == ["a"]


async def test_a_default_page_has_a_hundred_records(start: Start):
    ask = await start(leads=101)

    assert len((await ask.walead("GET")).json) == 100


async def test_page_sizes_come_in_turn(start: Start):
    ask = await start(leads=9, settings=settings(page_sizes=[3, 1]))

    assert [len((await ask.walead("GET")).json) for _ in range(3)] == [3, 1, 3]


@pytest.mark.parametrize(
    "query", [{"sort": "asc"}, {"sort": ""}, {"offset": "-1"}, {"offset": "x"}, {"offset": "1.0"}, {"offset": "9" * 30}]
)
async def test_a_wrong_parameter_of_the_list_is_a_400(start: Start, query: dict[str, str]):
    ask = await start()

    assert (await ask.walead("GET", **query)).status == 400


@pytest.mark.parametrize(
    ("match", "minds_case", "expected"),
    [
        ("substring", False, ["ann", "Joann", "annie"]),
        ("substring", True, ["ann", "Joann", "annie"]),
        ("prefix", False, ["ann", "annie"]),
        ("whole", False, ["ann"]),
    ],
)
async def test_a_search_matches_by_the_settings(start: Start, match: str, minds_case: bool, expected: list[str]):
    ask = await start(settings=settings(search=match, search_minds_case=minds_case))
    ask.emulator.add_leads(["ann", "Joann", "bob", "annie"])

    assert (await ask.walead("GET", sort="ASC", search="ann")).names == expected


@pytest.mark.parametrize(("minds_case", "expected"), [(False, ["Ann"]), (True, [])])
async def test_a_search_minds_capitals_by_the_settings(start: Start, minds_case: bool, expected: list[str]):
    ask = await start(settings=settings(search_minds_case=minds_case))
    ask.emulator.add_leads(["Ann", "bob"])

    assert (await ask.walead("GET", search="ann")).names == expected


async def test_a_search_has_pages_too(start: Start):
    ask = await start(leads=25, settings=settings(page_size=4))

    first, second = [await ask.walead("GET", sort="ASC", search="-000001", offset=offset) for offset in (0, 8)]
    assert first.names == [f"lead-00000{number}" for number in (10, 11, 12, 13)]
    assert second.names == ["lead-0000018", "lead-0000019"]


async def test_a_block_counts_the_new_and_keeps_their_reasons(start: Start):
    ask = await start()
    leads = [{"publicIdentifier": "a", "reason": "asked"}, {"publicIdentifier": "b"}]
    answer = await ask.walead("POST", json={"leads": leads})

    assert answer.json == {"success": True, "message": "2 leads blocked successfully", "blocked": 2}
    assert [(lead.public_identifier, lead.reason) for lead in ask.emulator.blocked_leads] == [
        ("a", "asked"),
        ("b", None),
    ]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"leads": []},
        {"leads": {}},
        {"leads": ["a"]},
        {"leads": [{}]},
        {"leads": [{"publicIdentifier": 1}]},
        {"leads": [{"publicIdentifier": "a", "reason": 1}]},
    ],
)
async def test_a_wrong_body_of_a_block_is_a_400_and_blocks_nobody(start: Start, body: object):
    ask = await start()

    assert (await ask.walead("POST", json=body)).status == 400
    assert len(ask.emulator.blocked_leads) == 0


@pytest.mark.parametrize(
    ("reblock", "status", "records"),
    [
        ("keeps", 200, [("a", "old", 0), ("b", None, 1)]),
        ("updates", 200, [("a", "new", 0), ("b", None, 1)]),
        ("renews", 200, [("b", None, 1), ("a", "new", 0)]),
        ("replaces", 200, [("b", None, 1), ("a", "new", 2)]),
        ("adds", 200, [("a", "old", 0), ("b", None, 1), ("a", "new", 2)]),
        ("conflicts", 409, [("a", "old", 0), ("b", None, 1)]),
    ],
)
async def test_a_second_block_does_what_the_settings_say(
    start: Start, reblock: str, status: int, records: list[tuple[str, str | None, int]]
):
    ask = await start(settings=settings(reblock=reblock))
    emulator = ask.emulator
    emulator.add_leads([("a", "old"), ("b", None)])
    answer = await ask.walead("POST", json={"leads": [{"publicIdentifier": "a", "reason": "new"}]})

    leads = emulator.blocked_leads
    assert answer.status == status
    assert [(one.public_identifier, one.reason, one.number) for one in leads] == records


@pytest.mark.parametrize(("counts", "blocked"), [(False, 1), (True, 2)])
async def test_a_second_block_counts_by_the_settings(start: Start, counts: bool, blocked: int):
    ask = await start(leads=1, settings=settings(reblock_counts=counts))

    assert (await ask.block("lead-0000001", "new")).json["blocked"] == blocked


async def test_one_bad_identifier_fails_its_batch(start: Start):
    ask = await start()
    answer = await ask.block("good", "not good")

    assert (answer.status, answer.json["message"]) == (400, "'not good' is not a valid public identifier")
    assert ask.emulator.blocked_leads.identifiers() == []


async def test_a_bad_identifier_is_left_out_where_the_settings_say_so(start: Start):
    ask = await start(settings=settings(bad_item="skipped", bad_identifier="^bad"))
    answer = await ask.block("good", "bad-1", "not good")

    assert answer.json["blocked"] == 2
    assert ask.emulator.blocked_leads.identifiers() == ["good", "not good"]


@pytest.mark.parametrize(
    ("case", "names", "blocked"),
    [("matters", ["Ann", "ann"], 1), ("ignored", ["Ann"], 0), ("lowered", ["Ann"], 0)],
)
async def test_capitals_of_identifiers_matter_by_the_settings(start: Start, case: str, names: list[str], blocked: int):
    ask = await start(settings=settings(identifier_case=case))
    ask.emulator.add_leads(["Ann"])
    answer = await ask.block("ann")

    assert (answer.json["blocked"], ask.emulator.blocked_leads.identifiers()) == (blocked, names)


async def test_lowered_identifiers_are_stored_so(start: Start):
    ask = await start(settings=settings(identifier_case="lowered"))
    await ask.block("Ann")

    assert ask.emulator.blocked_leads.identifiers() == ["ann"]


@pytest.mark.parametrize("status", [413, 400])
async def test_a_batch_over_the_limit_is_refused_whole(start: Start, status: int):
    ask = await start(leads=3, settings=settings(batch_limit=2, batch_limit_status=status))
    emulator = ask.emulator
    refused = [
        await ask.block("a", "b", "c"),
        await ask.walead("DELETE", json=emulator.blocked_leads.ids()),
        await ask.walead("POST", CAMPAIGN, json={"publicIdentifiers": ["a", "b", "c"]}),
    ]

    assert [answer.status for answer in refused] == [status] * 3
    assert (await ask.block("a", "b")).status == 200
    assert len(emulator.blocked_leads) == 5


async def test_a_body_over_the_limit_is_a_413(start: Start):
    ask = await start(settings=settings(body_limit=100))

    assert (await ask.block("a" * 100)).status == 413
    assert (await ask.block("a")).status == 200


async def test_an_unblock_removes_by_id_and_counts(start: Start):
    ask = await start(leads=3)
    ids = ask.emulator.blocked_leads.ids()
    answer = await ask.walead("DELETE", json=[ids[0], ids[0], ids[2], "unknown"])

    assert answer.json == {"success": True, "message": "2 leads unblocked successfully", "unblocked": 2}
    assert ask.emulator.blocked_leads.identifiers() == ["lead-0000002"]


async def test_an_unknown_id_fails_an_unblock_where_the_settings_say_so(start: Start):
    ask = await start(leads=1, settings=settings(unknown_id="fails"))
    ids = ask.emulator.blocked_leads.ids()

    assert (await ask.walead("DELETE", json=[*ids, "unknown"])).status == 404
    assert len(ask.emulator.blocked_leads) == 1
    assert (await ask.walead("DELETE", json=ids)).json["unblocked"] == 1


@pytest.mark.parametrize("body", [None, {}, "x", [1], [None]])
async def test_a_wrong_body_of_an_unblock_is_a_400(start: Start, body: object):
    ask = await start(leads=1)

    assert (await ask.walead("DELETE", json=body)).status == 400


async def test_a_short_count_is_no_success_where_the_settings_say_so(start: Start):
    ask = await start(leads=1, settings=settings(short_is_failure=True))
    short, full = await ask.block("lead-0000001", "new"), await ask.block("newer")

    assert short.json == {"success": False, "message": "only 1 of 2 leads blocked", "blocked": 1}
    assert (short.status, full.json["success"]) == (200, True)


async def test_a_block_may_be_answered_with_201(start: Start):
    ask = await start(settings=settings(block_status=201))

    assert (await ask.block("a")).status == 201


async def test_a_campaign_has_a_list_of_its_own(start: Start):
    ask = await start(leads=1)
    answer = await ask.walead("POST", CAMPAIGN, json={"publicIdentifiers": ["a", "b"]})
    listed = await ask.walead("GET", CAMPAIGN)

    assert answer.json == {"success": True, "message": "2 leads blocked successfully", "blocked": 2}
    assert listed.names == ["a", "b"]
    assert set(listed.json[0]) == {"publicIdentifier", "reason", "createdAt"}
    assert (await ask.walead("GET", "/v1/campaigns/c2/blocked-leads")).json == []
    assert ask.emulator.campaigns["c1"].identifiers() == ["a", "b"]
    assert len(ask.emulator.blocked_leads) == 1


async def test_a_campaigns_list_is_skipped_and_taken(start: Start):
    ask = await start()
    await ask.walead("POST", CAMPAIGN, json={"publicIdentifiers": [f"n{number}" for number in range(150)]})

    assert len((await ask.walead("GET", CAMPAIGN)).json) == 10
    assert (await ask.walead("GET", CAMPAIGN, skip=148, take=100)).names == ["n148", "n149"]
    assert [(await ask.walead("GET", CAMPAIGN, take=take)).status for take in (0, 1, 100, 101)] == [400, 200, 200, 400]


async def test_a_campaigns_list_may_begin_with_the_newest(start: Start):
    ask = await start(settings=settings(campaign_newest_first=True))
    await ask.walead("POST", CAMPAIGN, json={"publicIdentifiers": ["a", "b"]})

    assert (await ask.walead("GET", CAMPAIGN)).names == ["b", "a"]


@pytest.mark.parametrize("body", [None, {}, {"publicIdentifiers": []}, {"publicIdentifiers": [1]}, ["a"]])
async def test_a_wrong_body_of_a_campaign_block_is_a_400(start: Start, body: object):
    ask = await start()

    assert (await ask.walead("POST", CAMPAIGN, json=body)).status == 400


async def test_without_the_licence_a_campaign_block_is_a_403(start: Start):
    ask = await start(settings=settings(campaign_licence=False))

    assert (await ask.walead("POST", CAMPAIGN, json={"publicIdentifiers": ["a"]})).status == 403
    assert ask.emulator.campaigns == {}


async def test_a_campaign_has_a_name_and_a_status(start: Start):
    ask = await start()
    ask.emulator.named_campaigns["c2"] = ("Spring", "paused")
    made_up, given = [(await ask.walead("GET", f"/v1/campaigns/{name}")).json for name in ("c1", "c2")]

    created = "2024-01-01T00:00:00.000Z"
    assert made_up == {"id": "c1", "name": "Campaign c1", "status": "active", "createdAt": created}
    assert given == {"id": "c2", "name": "Spring", "status": "paused", "createdAt": created}
    ask.emulator.clear()
    assert (await ask.walead("GET", "/v1/campaigns/c2")).json["name"] == "Campaign c2"


async def test_an_unknown_campaign_is_a_404_where_the_campaigns_are_named(start: Start):
    ask = await start(settings=settings(campaigns=["c2"]))

    assert (await ask.walead("POST", CAMPAIGN, json={"publicIdentifiers": ["a"]})).status == 404
    assert (await ask.walead("GET", CAMPAIGN)).status == 404
    assert (await ask.walead("GET", "/v1/campaigns/c1")).status == 404
    assert (await ask.walead("GET", "/v1/campaigns/c2/blocked-leads")).status == 200
    assert (await ask.walead("GET", "/v1/campaigns/c2")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", LIST, 405),
        ("DELETE", CAMPAIGN, 405),
        ("PUT", "/v1/campaigns/c1", 405),
        ("GET", "/v1/campaigns", 404),
        ("GET", "/v1/leads", 404),
        ("GET", "/v1/campaigns//blocked-leads", 404),
    ],
)
async def test_what_the_service_does_not_have_is_refused(start: Start, method: str, path: str, status: int):
    ask = await start()

    assert (await ask.walead(method, path)).status == status


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ("nest", b'{"statusCode":404,"message":"Cannot GET /v1/x","error":"Not Found"}'),
        ("nest-list", b'{"statusCode":404,"message":["Cannot GET /v1/x"],"error":"Not Found"}'),
        ("success", b'{"success":false,"message":"Cannot GET /v1/x"}'),
        ("error", b'{"error":"Cannot GET /v1/x"}'),
        ("nested", b'{"error":{"code":"NOT_FOUND","message":"Cannot GET /v1/x"}}'),
        ("text", b"Cannot GET /v1/x"),
        ("empty", b""),
    ],
)
async def test_an_error_has_the_body_that_the_settings_say(start: Start, shape: str, body: bytes):
    ask = await start(settings=settings(error_body=shape))

    assert (await ask.walead("GET", "/v1/x")).body == body
