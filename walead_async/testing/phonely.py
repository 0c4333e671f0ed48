"""The Phonely service: the block lists of voice agents, after the vendor's page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from walead_async.testing.faults import Reply
from walead_async.testing.handler import LoggedRequest, Refused, check_size
from walead_async.testing.settings import AgentList

if TYPE_CHECKING:
    from walead_async.testing.store import Store

__all__ = ["CALLS"]


async def list_numbers(store: Store, call: LoggedRequest) -> Reply:
    """GET the numbers of an agent."""
    uid, agent_id = call.query.get("uid"), call.query.get("agentId")
    if not uid or not agent_id:
        raise Refused(400, "Invalid search params: uid and agentId are required")
    _check(store, uid, agent_id)
    numbers = list(store.agents.get(agent_id, ()))
    return Reply.of(numbers if store.settings.agent_list is AgentList.ARRAY else {"blockList": numbers})


async def block_numbers(store: Store, call: LoggedRequest) -> Reply:
    """POST numbers to an agent's list."""
    agent_id, numbers = _body(store, call)
    valid = re.compile(store.settings.number)
    listed = store.agents.setdefault(agent_id, {})
    added, failed = [], []
    for number in numbers:
        if not valid.fullmatch(number):
            failed.append({"number": number, "reason": "Invalid phone number format"})
        elif number in listed:
            failed.append({"number": number, "reason": "Number already in block list"})
        else:
            listed[number] = None
            added.append(number)
    answer = {"message": f"{len(added)} numbers added", "added": added, "failed": failed}
    return Reply.of(answer, store.settings.block_status)


async def unblock_numbers(store: Store, call: LoggedRequest) -> Reply:
    """DELETE numbers from an agent's list."""
    agent_id, numbers = _body(store, call)
    listed = store.agents.setdefault(agent_id, {})
    removed, failed = [], []
    for number in numbers:
        if number in listed:
            del listed[number]
            removed.append(number)
        else:
            failed.append({"number": number, "reason": "Number not found in block list"})
    return Reply.of({"message": f"{len(removed)} numbers removed", "removed": removed, "failed": failed})


#: Each call by method and path.
CALLS = {
    ("GET", "/agent-block-list"): list_numbers,
    ("POST", "/agent-block-list"): block_numbers,
    ("DELETE", "/agent-block-list"): unblock_numbers,
}


def _body(store: Store, call: LoggedRequest) -> tuple[str, list[str]]:
    """The agent and the numbers that a change names."""
    body = call.body
    if not isinstance(body, dict):
        raise Refused(400, "Invalid request body")
    uid, agent_id, numbers = body.get("uid"), body.get("agentId"), body.get("numbers")
    if not (isinstance(uid, str) and uid and isinstance(agent_id, str) and agent_id):
        raise Refused(400, "Invalid request body: uid and agentId are required")
    if not isinstance(numbers, list) or not numbers or not all(isinstance(number, str) for number in numbers):
        raise Refused(400, "Invalid numbers parameter: a non-empty array of strings is required")
    _check(store, uid, agent_id)
    check_size(store.settings, numbers)
    return agent_id, numbers


def _check(store: Store, uid: str, agent_id: str) -> None:
    if store.settings.users is not None and uid not in store.settings.users:
        raise Refused(401, "Insufficient permissions")
    known = store.settings.agents
    if known is not None and agent_id not in known:
        raise Refused(404, "Agent not found")
