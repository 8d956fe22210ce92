"""Real workers that kill themselves with SIGKILL at one chosen step: before or after any call of any port.

Run as a program it is their nursery: for each line POINT on its input (`before:apply`, `after:snapshot#3`, the third call,
or `none`) it forks a worker process, says its pid, and then how it ended. A fork spares each worker seconds of imports.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import os
import signal
import sys
from typing import Any

from suture.settings import Settings
from worker.bootstrap import Role, connect_ports, options, worker
from worker.connect import connect

LATER = (
    "suture.ingest.temporal",
    "suture.memory.store",
    "suture.memory.migrations",
    "suture.targets.kubernetes",
)


class Doomed:
    """Passes every call through, and dies at the chosen one."""

    def __init__(self, inner: Any, point: str) -> None:
        self._inner = inner
        self._when, _, call = point.partition(":")
        self._method, _, number = call.partition("#")
        self._left = int(number or 1)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name != self._method:
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            doomed = self._left == 0
            if doomed and self._when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = await found(*args, **kwargs)
            if doomed:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call


async def main(point: str) -> None:
    settings = Settings(autopilot=True, cluster="lab")
    client = await connect()
    chosen = options(settings, Role.ALL, search_attributes=False)
    async with connect_ports(settings, client, chosen) as ports:
        doomed = dataclasses.replace(
            ports,
            cluster=Doomed(ports.cluster, point),
            memory=Doomed(ports.memory, point),
            notifier=Doomed(ports.notifier, point),
            notifications=Doomed(ports.notifications, point),
            governor=Doomed(ports.governor, point),
        )
        async with worker(client, settings, Role.ALL, chosen, doomed):
            await asyncio.Event().wait()


def nursery() -> None:
    for name in LATER:
        importlib.import_module(name)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            os.dup2(2, 1)  # logs; the nursery alone speaks on the output
            asyncio.run(main(line.strip()))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    nursery()
