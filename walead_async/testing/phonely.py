"""The Phonely service: the block lists of voice agents, after the vendor's page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from walead_async.testing.faults import Reply
from walead_async.testing.handler import LoggedRequest, Perform, Refused, check_size
from walead_async.testing.settings import AgentList, NumberSpelling

if TYPE_CHECKING:
    from walead_async.testing.store import Store

__all__ = ["CALLS"]


async def list_numbers(store: Store, call: LoggedRequest) -> Reply:
    """GET the numbers of an agent."""
    uid, agent_id = call.query.get("uid"), call.query.get("agentId")
    if not uid or not agent_id:
        raise Refused(400, "Invalid search params: uid and agentId are required")
    _check(store, uid, agent_id)
    numbers = [_spelt(number, store.settings.number_spelling) for number in store.numbers(agent_id)]
    return Reply.of(numbers if store.settings.agent_list is AgentList.ARRAY else {"blockList": numbers})


async def block_numbers(store: Store, call: LoggedRequest) -> Reply:
    """POST numbers to an agent's list."""
    agent_id, numbers = _body(store, call)
    valid = re.compile(store.settings.number)
    listed = store.agents.setdefault(agent_id, {})
    store.remember()
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
    store.remember()
    removed, failed = [], []
    for number in numbers:
        if number in listed:
            del listed[number]
            removed.append(number)
        else:
            failed.append({"number": number, "reason": "Number not found in block list"})
    return Reply.of({"message": f"{len(removed)} numbers removed", "removed": removed, "failed": failed})


async def list_agents(store: Store, call: LoggedRequest) -> Reply:
    """POST a user id: the voice agents of that user."""
    uid = call.body.get("uid") if isinstance(call.body, dict) else None
    if not isinstance(uid, str) or not uid:
        raise Refused(400, "Invalid request body: uid is required")
    _check_user(store, uid)
    store.agents_read = True
    return Reply.of([_agent(store, uid, place, agent_id) for place, agent_id in enumerate(store.agent_ids(), 1)])


def _agent(store: Store, uid: str, place: int, agent_id: str) -> dict[str, str]:
    """An agent as it is listed: by the schema of the vendor's page, or by that of the vendor's file."""
    name = f"Agent {agent_id}"
    if store.settings.agents_as_orgs:
        return {"orgId": agent_id, "name": name}
    number = f"+1415555{place:04d}"
    return {"uid": uid, "agentId": agent_id, "name": name, "country": "US", "businessPhoneNumber": number}


#: Each call by method and path.
CALLS: dict[tuple[str, str], Perform] = {
    ("GET", "/agent-block-list"): list_numbers,
    ("POST", "/agent-block-list"): block_numbers,
    ("DELETE", "/agent-block-list"): unblock_numbers,
    ("POST", "/get-agents"): list_agents,
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
    _check_user(store, uid)
    if agent_id in store.settings.agents_without_access:
        raise Refused(store.settings.no_access_status, "Insufficient permissions")
    if store.settings.agents is not None and agent_id not in store.agent_ids():
        raise Refused(404, "Agent not found")


def _check_user(store: Store, uid: str) -> None:
    if store.settings.users is not None and uid not in store.settings.users:
        raise Refused(401, "Insufficient permissions")


def _spelt(number: str, spelling: NumberSpelling) -> str:
    """A number as the service lists it."""
    digits = re.sub(r"\D", "", number)
    return {
        NumberSpelling.AS_SENT: number,
        NumberSpelling.NO_PLUS: digits,
        NumberSpelling.BRACKETS: f"+{digits[:1]} ({digits[1:4]}) {digits[4:]}",
    }[spelling]
