from __future__ import annotations

import aiohttp

from benchmarks.measure import server, stats


async def test_the_server_tells_what_it_was_asked_sent_and_changed() -> None:
    with server(records=250) as url:
        async with aiohttp.ClientSession() as http:
            path = url + "/v1/blocked-leads"
            pages = [len(await (await http.get(path, params={"offset": offset})).json()) for offset in (0, 200, 250)]
            leads = [{"publicIdentifier": name} for name in ("john-doe", "jane-smith")]
            blocked = (await (await http.post(path, json={"leads": leads})).json())["blocked"]
        seen = stats(url)
    assert (pages, blocked) == ([100, 50, 0], 2)
    assert (seen.requests, seen.sent, seen.changed) == (4, 150, 2)
