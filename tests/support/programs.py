"""The real program `walead`, in a process of its own, against an emulator in the test's event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import NamedTuple

import orjson

from walead_async.testing import Emulator

KEY = "wk_secret_123"
LONGEST = 20.0


def heed_ctrl_c() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would what these tests start there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Done(NamedTuple):
    """A program that has ended."""

    code: int
    out: str
    err: str

    def values(self) -> list[dict[str, object]]:
        """Standard output, each line of which must be a JSON object."""
        return [orjson.loads(line) for line in self.out.splitlines()]


class Walead:
    """Starts `walead` with an environment that leads to the emulator; the key must be in nothing that it writes."""

    def __init__(self, emulator: Emulator, folder: Path, longest: float = LONGEST) -> None:
        self.longest = longest
        self._key = emulator.api_key
        #: An environment that leads nowhere.
        self.bare = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ},
            "TMPDIR": str(folder),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        if path := self.bare.get("PYTHONPATH"):
            # a program may be started in another folder
            self.bare["PYTHONPATH"] = os.pathsep.join(str(Path(each).resolve()) for each in path.split(os.pathsep))
        self.environment = {
            **self.bare,
            "WALEAD_API_KEY": emulator.api_key,
            "WALEAD_BASE_URL": emulator.walead_url,
            "PHONELY_API_KEY": emulator.api_key,
            "PHONELY_BASE_URL": emulator.phonely_url,
            "PHONELY_UID": emulator.uid,
        }

    async def __call__(self, *arguments: str, stdin: str | bytes = b"", **environment: str | None) -> Done:
        """Run it to its end. `environment` changes variables; None takes one away."""
        program = await self.start(*arguments, stdin=asyncio.subprocess.PIPE, **environment)
        return await self.end_of(program, stdin.encode() if isinstance(stdin, str) else stdin)

    async def start(
        self,
        *arguments: str,
        stdin: int = asyncio.subprocess.DEVNULL,
        stdout: int = asyncio.subprocess.PIPE,
        stderr: int | None = None,
        **environment: str | None,
    ) -> asyncio.subprocess.Process:
        """Start it, and leave it to the test to end it."""
        wanted = {**self.environment, **environment}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "walead_async.cli",
            *arguments,
            stdin=stdin,
            stdout=stdout,
            stderr=asyncio.subprocess.PIPE if stderr is None else stderr,
            env={name: value for name, value in wanted.items() if value is not None},
            preexec_fn=heed_ctrl_c,
        )

    async def through_shell(self, command: str) -> Done:
        """Run `walead` and this in a shell; the code is that of `walead` in its pipe."""
        shell = f"'{sys.executable}' -m walead_async.cli {command}; echo ${{PIPESTATUS[0]}}"
        pipe = asyncio.subprocess.PIPE
        program = await asyncio.create_subprocess_exec(
            "bash", "-c", shell, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=self.environment
        )
        done = await self.end_of(program)
        *lines, code = done.out.splitlines(keepends=True)
        return Done(int(code), "".join(lines), done.err)

    async def in_shell(self, command: str, folder: Path) -> Done:
        """Run a command in a shell that stands in this folder."""
        pipe = asyncio.subprocess.PIPE
        program = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            command,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            env=self.environment,
        )
        return await self.end_of(program)

    async def end_of(self, program: asyncio.subprocess.Process, stdin: bytes | None = None) -> Done:
        """Wait for its end, and look for the key in what it wrote."""
        try:
            async with asyncio.timeout(self.longest):
                out, err = await program.communicate(stdin)
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()
        assert program.returncode is not None
        done = Done(program.returncode, out.decode(), (err or b"").decode())
        assert self._key not in done.out + done.err
        assert "Traceback" not in done.err
        return done
