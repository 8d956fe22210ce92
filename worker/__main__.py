"""`python -m worker --role workflows|stages|actions|all`: one more worker, configured as `suture up` is (SUTURE_*, TEMPORAL_*).

With SUTURE_OPTIONS__ACTIONS_QUEUE=suture-actions on every process, only those with the role `actions` need write credentials.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from suture.domain.errors import SutureError
from suture.settings import Settings
from worker.bootstrap import Role
from worker.service import work


async def run(role: Role) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await work(Settings(), stop, role)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m worker", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--role",
        type=Role,
        choices=list(Role),
        default=Role.ALL,
        help="what this process does (default: all)",
    )
    failed: list[BaseException] = []
    try:
        asyncio.run(run(parser.parse_args().role))
    except* (SutureError, ValueError) as group:
        failed.extend(group.exceptions)
    for error in failed:
        print(f"suture worker: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
