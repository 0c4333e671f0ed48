"""`walead emulator`: both services on this machine, for trying things out and for tests in any language."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from walead_async.cli.options import FILE, ExitCode, ServiceOptions, common
from walead_async.cli.output import write_json, write_words
from walead_async.testing import BadSetting, run_emulator

__all__ = ["emulator_command"]


@click.command("emulator")
@click.option("--port", type=int, default=0, help="The port; 0, the usual, takes a free one.")
@click.option("--leads", type=int, default=0, metavar="N", help="So many people are blocked at the start.")
@click.option("--page-size", type=int, default=100, metavar="P", help="Records on a page.")
@click.option("--latency", type=float, default=0.0, metavar="S", help="Seconds before each answer.")
@click.option("--stale", type=float, default=0.0, metavar="S", help="Lists and searches lag so many seconds behind.")
@click.option("--state", type=FILE, metavar="F", help="Keep the state in this file, from one start to the next.")
@click.option("--fault", "faults", multiple=True, metavar="FAULT", help="A fault to play, and when; may be repeated.")
@click.option("--drift", "drifts", multiple=True, metavar="DRIFT", help="A change between requests; may be repeated.")
@click.option("--seed", type=int, default=0, metavar="N", help="The same seed plays the same ids, orders and faults.")
@common
def emulator_command(
    port: int,
    leads: int,
    page_size: int,
    latency: float,
    stale: float,
    state: str | None,
    faults: tuple[str, ...],
    drifts: tuple[str, ...],
    seed: int,
    service: ServiceOptions,
    as_json: bool,
) -> int:
    """Serve WaLead and Phonely on 127.0.0.1 until Ctrl-C or SIGTERM.

    It says where, and with which key, and prints the export lines that point walead, or a program of yours, at it:
    paste them into another shell. Everything is forgotten at its end, unless --state keeps it.

    A fault is [SERVICE] [METHOD] [PATH] [WHEN]:NAME[=VALUE], such as status=503, "POST #2:apply-then-close" or
    "GET ~0.1:status=429/2". A drift is a change of the list after a page was read, such as remove-random or
    "%3:insert-newest". A wrong name is answered with the right ones.
    """
    if service != ServiceOptions():
        raise click.UsageError("the emulator is the address: choose its --port")

    def ready(addresses: dict[str, str]) -> None:
        if as_json:
            write_json([addresses])
        else:
            write_words(f"{name:<12} {value}" for name, value in addresses.items())
            write_words(_exports(addresses))
            write_words(["Ctrl-C ends it."])

    try:
        run_emulator(
            port=port,
            leads=leads,
            page_size=page_size,
            latency=latency,
            stale=stale,
            state=Path(state) if state else None,
            faults=faults,
            drifts=drifts,
            seed=seed,
            ready=ready,
        )
    except BadSetting as error:
        # a setting that it names is the option of that name
        said = re.sub(r"^[a-z_]+(?= takes )", lambda name: "--" + name[0].replace("_", "-"), str(error))
        raise click.UsageError(said) from None
    return ExitCode.DONE


def _exports(addresses: dict[str, str]) -> list[str]:
    """Lines of a shell that lead the commands after them to this emulator. It takes any user's id."""
    values = {
        "WALEAD_BASE_URL": addresses["walead_url"],
        "WALEAD_API_KEY": addresses["api_key"],
        "PHONELY_BASE_URL": addresses["phonely_url"],
        "PHONELY_API_KEY": addresses["api_key"],
        "PHONELY_UID": "emulator-user",
    }
    return [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
