"""cattrs, and it alone: structures records strictly and says in words which record and field is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from walead_async.models import BlockedLead, CampaignBlockedLead
from walead_async.transport.decode import json_kind

__all__ = ["explain"]

#: How many wrong fields a message names.
WRONG_SHOWN = 5


class _WrongKindError(ValueError):
    """A JSON value of the wrong kind: says what was found instead."""


def explain(records: list[object], model: type) -> str:
    """Why this array cannot be structured into the model, naming the records (from 0) and their fields."""
    whole: list[object] = []
    for position, record in enumerate(records):
        if not isinstance(record, dict):
            return f"the list cannot be read: record {position} is {json_kind(record)}, not an object"
        # A record may leave its reason out, for which the models have no default.
        whole.append({"reason": None, **record})
    try:
        _converter.structure(whole, list[model])  # type: ignore[valid-type]
    except cattrs.IterableValidationError as error:
        wrong = cattrs.transform_error(error, path="record ", format_exception=_in_words)
    else:
        return "the list holds a record that cannot be read"
    more = f"; and {len(wrong) - WRONG_SHOWN} more" if len(wrong) > WRONG_SHOWN else ""
    return "the list cannot be read: " + "; ".join(_located(text, records) for text in wrong[:WRONG_SHOWN]) + more


def _located(text: str, records: list[object]) -> str:
    """'… @ record [7].createdAt' with the record's own id behind it, if it has one."""
    what, _, place = text.partition(" @ ")
    position = place.partition("[")[2].partition("]")[0]
    record = records[int(position)] if position.isdigit() and int(position) < len(records) else None
    name = record.get("id") if isinstance(record, dict) else None
    named = f" (id {name!r})" if isinstance(name, str) else ""
    field = _camel(place.partition("]")[2].lstrip("."))
    return f"record {position}{named}: {field} {what}"


def _in_words(error: BaseException, kind: type | None) -> str:
    if isinstance(error, KeyError):
        return "is missing"
    return str(error)


def _text(value: object, _: type) -> str:
    if not isinstance(value, str):
        raise _WrongKindError(f"is {json_kind(value)}, not text")
    return value


def _optional_text(value: object, _: object) -> str | None:
    return None if value is None else _text(value, str)


def _moment(value: object, _: type) -> datetime:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise _WrongKindError(f"is not a date: {value[:40]!r}") from None
        raise _WrongKindError(f"is a time without an offset from UTC: {value[:40]!r}")
    raise _WrongKindError(f"is {json_kind(value)}, not a date")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _made() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(datetime, _moment)
    converter.register_structure_hook_func(lambda kind: kind == str | None, _optional_text)
    for model in (BlockedLead, CampaignBlockedLead):
        # The models name their types as text, since they load nothing that only types need.
        attrs.resolve_types(model, globalns={"datetime": datetime})
        renamed: dict[str, Any] = {field.name: override(rename=_camel(field.name)) for field in attrs.fields(model)}
        converter.register_structure_hook(
            model, make_dict_structure_fn(model, converter, _cattrs_detailed_validation=True, **renamed)
        )
    return converter


_converter = _made()
