"""A record as somebody would write it for pydantic."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Lead"]


class Lead(BaseModel):
    """A blocked lead."""

    model_config = ConfigDict(frozen=True)

    id: str
    public_identifier: str = Field(alias="publicIdentifier")
    reason: str | None
    created_at: datetime = Field(alias="createdAt")
    workspace_id: str = Field(alias="workspaceId")
