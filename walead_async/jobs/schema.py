"""The six tables of a journal, which an outbox shares, as SQL; each version is a step from the one before.

A moment is microseconds since 1970 in UTC, a flag 0 or 1, a column that ends in `_json` JSON text. No table holds an
API key.

- source: who is "wanted" by a file, which `digest` names; which records a plan has "made"; which others of a list are
  "owned" by the journal; who "opted out" and was removed from its outbox.
- part: a sixty-fourth of a source, by the crc32 of the keys: lines, compressed, or fingerprints of records or people.
- plan: what one run would change in one list, and how far it came. Its summary is the preview, its result what the
  closing listing showed.
- item: one change of a plan, with the record that it removes.
- optout: what an outbox has taken, `at` which moment. `state` is pending, delivered or failed, `status` the last
  outcome. `destination` is "workspace", "campaign:ID" or "agent:ID", `account` the workspace's id or Phonely's user id
  ("" while no record has shown it), `digest` stands for an idempotency key.
- event: who did what, and when.
"""

from __future__ import annotations

__all__ = ["APPLICATION_ID", "VERSIONS"]

#: What marks a SQLite file as ours: "WLdJ".
APPLICATION_ID = 0x574C644A

VERSION_1 = """
create table source (
    id integer primary key autoincrement,
    kind text not null,
    digest text not null,
    base_url text not null default '',
    account text not null default '',
    target text not null default '',
    made_at integer not null
);
create index source_digest on source (digest);

create table part (
    source integer not null references source (id),
    number integer not null,
    body blob not null,
    primary key (source, number)
);

create table plan (
    number integer primary key autoincrement,
    id text not null unique,
    base_url text not null,
    account text not null,
    target text not null,
    mode text not null,
    source integer references source (id),
    made integer references source (id),
    undoes integer references plan (number),
    state text not null,
    made_at integer not null,
    by_whom text not null,
    note text,
    applied_at integer,
    sent_at integer,
    options_json text not null default '{}',
    summary_json text not null default '{}',
    result_json text not null default '{}'
);

create table item (
    plan integer not null references plan (number),
    part integer not null,
    number integer not null,
    action text not null,
    key text not null,
    reason text not null,
    record text not null,
    state text not null,
    detail text,
    primary key (plan, part, number)
) without rowid;

create table optout (
    id integer primary key autoincrement,
    base_url text not null,
    account text not null default '',
    destination text not null,
    key text not null,
    reason text,
    digest blob,
    at integer not null,
    state text not null default 'pending',
    status text,
    detail text,
    tries integer not null default 0
);
create index optout_pending on optout (destination, id) where state = 'pending';
create index optout_settled on optout (state, id) where state <> 'pending';
create unique index optout_person on optout (key, destination, base_url, coalesce(reason, ''))
    where state = 'pending' and digest is null;
create unique index optout_idempotent on optout (digest, key, destination, base_url) where digest is not null;

create table event (
    id integer primary key autoincrement,
    plan text,
    at integer not null,
    by_whom text not null,
    what text not null,
    detail_json text not null default '{}'
);
create index event_plan on event (plan, id);
"""

#: The steps from an empty file to today's schema; a file's `user_version` says how many it has taken.
VERSIONS = (VERSION_1,)
