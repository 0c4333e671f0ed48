"""What a program writes to a terminal."""

from __future__ import annotations

import asyncio
import os


async def seen_on(terminal: int, program: asyncio.subprocess.Process) -> str:
    """What a program writes to a terminal until its end."""
    seen = b""
    loop = asyncio.get_running_loop()
    os.set_blocking(terminal, False)
    came = asyncio.Event()
    loop.add_reader(terminal, came.set)
    ended = asyncio.ensure_future(program.wait())
    try:
        while not ended.done():
            waiting = asyncio.ensure_future(came.wait())
            await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            came.clear()
            try:
                seen += os.read(terminal, 65_536)
            except BlockingIOError:
                continue
    finally:
        loop.remove_reader(terminal)
    return seen.decode()
