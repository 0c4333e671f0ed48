"""Lets schemathesis examine the emulator by the OpenAPI file: `examine_emulator.py --examples 100`.

It asks what the file allows and what it does not, and holds every answer against the file. An unknown of the services
is a setting of the emulator, so it is examined as it is, and again with the other choices.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

from walead_async.testing import (
    AgentList,
    BadItem,
    Emulator,
    ErrorBody,
    IdentifierCase,
    Reblock,
    SearchMatch,
    Settings,
    TieOrder,
    openapi,
)

#: Matches nothing: the file calls no identifier bad.
NEVER = "(?!)"

CHOICES = {
    "as it is": Settings(bad_identifier=NEVER),
    "with the other choices": Settings(
        bad_identifier=NEVER,
        page_sizes=(3, 50, 7),
        search=SearchMatch.PREFIX,
        search_minds_case=True,
        tie_order=TieOrder.UNSTABLE,
        ties=10,
        block_status=201,
        reblock=Reblock.ADDS,
        reblock_counts=True,
        bad_item=BadItem.SKIPPED,
        short_is_failure=True,
        identifier_case=IdentifierCase.LOWERED,
        campaign_newest_first=True,
        agent_list=AgentList.ARRAY,
        agents_as_orgs=True,
        error_body=ErrorBody.TEXT,
    ),
}


def document() -> dict[str, object]:
    """The file as the emulator keeps it: both services below one address, and what it leaves open, decided."""
    opened: Any = openapi()
    paths = {f"/{item['x-service']}{path}": item for path, item in opened["paths"].items()}
    for item in paths.values():
        del item["servers"]
    # Whether a null reason is taken is marked as unknown; the emulator takes it.
    opened["components"]["schemas"]["LeadToBlock"]["properties"]["reason"]["type"] = ["string", "null"]
    return {**opened, "paths": paths}


async def examined(settings: Settings, file: Path, examples: int) -> bool:
    """Run schemathesis on an emulator with these settings; True if it has nothing to say."""
    async with Emulator(leads=250, settings=settings) as emulator:
        schemathesis = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "schemathesis.cli", "--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
            *("run", str(file), "--url", f"http://127.0.0.1:{emulator.port}"),
            *("--header", f"x-api-key: {emulator.api_key}", "--header", f"X-Authorization: {emulator.api_key}"),
            *("--max-examples", str(examples), "--continue-on-failure"),
            cwd=file.parent,
        )
        return await schemathesis.wait() == 0


async def main() -> int:
    """Examine the emulator with each set of choices; 1 if something was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--examples", type=int, default=30, help="requests of each kind for each operation")
    examples = parser.parse_args().examples
    if importlib.util.find_spec("schemathesis") is None:
        parser.error("schemathesis is not installed here: run `nox -s contract`")
    # It also sends what is not HTTP, and aiohttp would print a traceback for that.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "openapi.json"
        file.write_text(json.dumps(document()), encoding="utf-8")
        found = []
        for name, settings in CHOICES.items():
            print(f"The emulator {name}:", flush=True)
            if not await examined(settings, file, examples):
                found.append(name)
    print("found something:" if found else "nothing was found", *found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
