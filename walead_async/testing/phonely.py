"""The Phonely service: the block lists of voice agents, after the vendor's page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from walead_async.testing.replies import Call, Refused, Reply, answer
from walead_async.testing.settings import AgentList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from walead_async.testing.store import World

__all__ = ["carry_out"]

LIST = "/agent-block-list"


def carry_out(world: World, call: Call) -> Reply:
    """Do what a call asks and answer it. Raises `Refused` where the service says no; then nothing was changed."""
    if call.key != world.api_key:
        raise Refused(401, "Invalid or missing API key")
    if call.path != LIST:
        raise Refused(404, f"Cannot {call.method} {call.path}")
    if call.method == "GET":
        return _list(world, call.query)
    if call.method == "POST":
        return _block(world, *_body(world, call.body))
    if call.method == "DELETE":
        return _unblock(world, *_body(world, call.body))
    raise Refused(405, f"{call.method} is not allowed here", {"Allow": "GET, POST, DELETE"})


def _list(world: World, query: Mapping[str, str]) -> Reply:
    agent_id = query.get("agentId")
    if not query.get("uid") or not agent_id:
        raise Refused(400, "Invalid search params: uid and agentId are required")
    _check(world, query["uid"], agent_id)
    numbers = list(world.agents.get(agent_id, ()))
    return answer(numbers if world.settings.agent_list is AgentList.ARRAY else {"blockList": numbers})


def _block(world: World, agent_id: str, numbers: Sequence[str]) -> Reply:
    valid = re.compile(world.settings.number)
    listed = world.agent(agent_id)
    added, failed = [], []
    for number in numbers:
        if not valid.fullmatch(number):
            failed.append({"number": number, "reason": "Invalid phone number format"})
        elif number in listed:
            failed.append({"number": number, "reason": "Number already in block list"})
        else:
            listed[number] = None
            added.append(number)
    world.changes += 1
    return answer(
        {"message": f"{len(added)} numbers added", "added": added, "failed": failed}, world.settings.block_status
    )


def _unblock(world: World, agent_id: str, numbers: Sequence[str]) -> Reply:
    listed = world.agent(agent_id)
    removed, failed = [], []
    for number in numbers:
        if number in listed:
            del listed[number]
            removed.append(number)
        else:
            failed.append({"number": number, "reason": "Number not found in block list"})
    world.changes += 1
    return answer({"message": f"{len(removed)} numbers removed", "removed": removed, "failed": failed})


def _body(world: World, body: bytes) -> tuple[str, list[str]]:
    """The agent and the numbers that a change names."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict):
        raise Refused(400, "Invalid request body")
    uid, agent_id, numbers = parsed.get("uid"), parsed.get("agentId"), parsed.get("numbers")
    if not (isinstance(uid, str) and uid and isinstance(agent_id, str) and agent_id):
        raise Refused(400, "Invalid request body: uid and agentId are required")
    if not isinstance(numbers, list) or not numbers or not all(isinstance(number, str) for number in numbers):
        raise Refused(400, "Invalid numbers parameter: a non-empty array of strings is required")
    _check(world, uid, agent_id)
    limit = world.settings.batch_limit
    if limit is not None and len(numbers) > limit:
        raise Refused(world.settings.batch_limit_status, f"at most {limit} numbers may be sent at once")
    return agent_id, numbers


def _check(world: World, uid: str, agent_id: str) -> None:
    if world.settings.users is not None and uid not in world.settings.users:
        raise Refused(401, "Insufficient permissions")
    known = world.settings.agents
    if known is not None and agent_id not in known:
        raise Refused(404, "Agent not found")
