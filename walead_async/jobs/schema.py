"""The six tables of a journal, which an outbox shares, as SQL; each version is a step from the one before.

A moment is microseconds since 1970 in UTC, a flag 0 or 1, a column that ends in `_json` JSON text. No table holds an
API key.

- source: a file of people who are wanted, read once.
- part: the keys of a source (or the record ids of one of kind `owned`), by crc32, sorted and compressed.
- plan: what one run would change in one list, and how far it came.
- item: one change of a plan.
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
    name text not null,
    kind text not null,
    made_at integer not null,
    rows integer not null default 0,
    people integer not null default 0,
    invalid integer not null default 0,
    duplicate integer not null default 0,
    column_name text,
    note text
);

create table part (
    source integer not null references source (id),
    number integer not null,
    body blob not null,
    primary key (source, number)
);

create table plan (
    id text primary key,
    base_url text not null,
    account text not null,
    kind text not null,
    target text not null,
    uid text not null default '',
    mode text not null,
    source integer references source (id),
    state text not null,
    made_at integer not null,
    by_whom text not null default '',
    note text,
    counts_json text not null default '{}',
    summary_json text not null default '{}',
    applied_at integer,
    closed_at integer
);

create table item (
    plan text not null references plan (id),
    number integer not null,
    action text not null,
    key text not null,
    record_id text,
    created_at integer,
    reason text,
    state text not null,
    status text,
    detail text,
    part integer not null default 0,
    primary key (plan, number)
);
create index item_state on item (plan, state, number);
create index item_key on item (key);

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
