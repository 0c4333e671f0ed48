"""`walead demo`: everything at once, on a service that is played on this machine."""

from __future__ import annotations

import click

from walead_async.cli.options import common

__all__ = ["demo_command"]


@click.command("demo")
@common
def demo_command(base_url: str | None, as_json: bool) -> int:
    """Show everything, without account or network.

    An emulator of both services is started with 10,000 people on its list. They are listed, 1,000 more are blocked
    from a CSV file such as people bring, some are unblocked, numbers are kept from a voice agent, and the list is
    exported. What became of every kind of row is told.
    """
    if base_url is not None:
        raise click.UsageError("the demo brings its own service and sends nothing anywhere else: leave out --base-url")
    from walead_async.cli import demo
    from walead_async.cli import program as running

    return running.carry_out(demo.play(as_json=as_json))
