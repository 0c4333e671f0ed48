"""What an opt-out server reads from requests, whatever framework it stands in: plain functions."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

#: Somebody who writes one of these wants no more messages. Extend it for the languages of your leads.
STOP = re.compile(r"\b(stop|unsubscribe|opt[ -]?out|remove me|do not contact|don'?t contact|leave me alone)\b", re.I)

#: How old the oldest opt-out that is not delivered may become before the server calls itself unhealthy, in seconds.
TOO_OLD = 900.0


@dataclass(frozen=True)
class OptOut:
    """One person who asked to be left alone. The same `key` twice is one wish, however often it is delivered."""

    profile: str
    phone: str | None
    key: str | None = None

    def numbers(self) -> list[tuple[str, str]]:
        """The phone number with the voice agent that must not call it."""
        return [(os.environ["VOICE_AGENT"], self.phone)] if self.phone else []


def from_fields(fields: Mapping[str, object], key: str | None = None) -> OptOut:
    """What a form or a signed webhook says: `profile`, and perhaps `phone`."""
    profile, phone = fields.get("profile"), fields.get("phone")
    return OptOut(profile if isinstance(profile, str) else "", phone if isinstance(phone, str) else None, key)


def from_message(body: bytes) -> OptOut | None:
    """What WaLead's webhook `message_received` says; None if the message asks for nothing. Raises `ValueError`.

    Deliveries may come twice, so the key is a digest of what makes the event: its type, the lead and the message.
    """
    event = json.loads(body)
    if not isinstance(event, dict):
        raise ValueError("an event is a JSON object")
    message = json.dumps([event.get(name) for name in ("message", "text", "lastMessage")])
    if not STOP.search(message):
        return None
    digest = hashlib.sha256(f"message_received {event.get('leadId')} {message}".encode()).hexdigest()
    return from_fields({"profile": event.get("linkedinUrl"), "phone": event.get("phone")}, digest)


def is_secret(given: str) -> bool:
    """Whether this is the secret part of the webhook's address: the vendor documents no signature. In constant time."""
    return hmac.compare_digest(given.encode(), os.environ["WEBHOOK_SECRET"].encode())


def from_signed(body: bytes, headers: Mapping[str, str]) -> OptOut | None:
    """What a webhook signed by standardwebhooks says; None if its signature or its time is not right."""
    try:
        event = Webhook(os.environ["SIGNING_SECRET"]).verify(body, dict(headers))
    except (WebhookVerificationError, ValueError):
        return None
    key = next(value for name, value in headers.items() if name.lower() == "webhook-id")
    return from_fields(event if isinstance(event, dict) else {}, key)
