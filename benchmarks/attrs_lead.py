"""A record as somebody would write it for cattrs."""

from __future__ import annotations

from datetime import datetime

import attrs
from cattrs.gen import make_dict_structure_fn, override
from cattrs.preconf.orjson import OrjsonConverter, make_converter

__all__ = ["Lead", "converter"]


@attrs.frozen
class Lead:
    """A blocked lead."""

    id: str
    public_identifier: str
    reason: str | None
    created_at: datetime
    workspace_id: str


def converter() -> OrjsonConverter:
    """cattrs' own converter for orjson, told the names of the fields."""
    shipped = make_converter()
    structure = make_dict_structure_fn(
        Lead,
        shipped,
        public_identifier=override(rename="publicIdentifier"),
        created_at=override(rename="createdAt"),
        workspace_id=override(rename="workspaceId"),
    )
    shipped.register_structure_hook(Lead, structure)
    return shipped
