"""The command line: commands parse, call the library and print."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Run `walead` on the arguments of this process and return its exit code."""
    try:
        import click  # noqa: F401  # looked for here, so that nothing else which is missing is taken for the extra
        import rich  # noqa: F401
    except ModuleNotFoundError as error:
        print(f'walead: {error.name} is missing: python -m pip install "walead_async[cli]"', file=sys.stderr)
        return 2
    from walead_async.cli.program import run

    return run(sys.argv[1:])
