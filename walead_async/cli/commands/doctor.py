"""`walead doctor`: is everything there, and what is to be done if not."""

from __future__ import annotations

import click

from walead_async.cli.options import common, user_id

__all__ = ["doctor_command"]


@click.command("doctor")
@click.option("--agent", metavar="AGENT", help="A Phonely agent whose list to read, which is the way to try that key.")
@user_id
@common
def doctor_command(agent: str | None, uid: str | None, base_url: str | None, as_json: bool) -> int:
    """Check configuration, key and reachability, and say what to do.

    Nothing is changed: the most that is sent is one request that lists. Keys are never shown. Exits with 2 if the
    configuration is wrong, with 1 if a service cannot be reached or does not take the key.
    """
    from walead_async.cli import doctor as examination
    from walead_async.cli import program as running

    return running.carry_out(examination.examine(base_url, uid=uid, agent=agent, as_json=as_json))
