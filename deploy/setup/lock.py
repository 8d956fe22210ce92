"""`python3 -m deploy.setup.lock` pins the newest allowed versions by hash, for every platform, no hosts."""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.setup.environment import UV_PIN, installer
from deploy.setup.main import CHECKOUT
from deploy.setup.steps import Report, Step, StepFailed
from lab.tools import cache_home

LOCKS: tuple[tuple[Path, Path, list[str]], ...] = (
    (CHECKOUT / "pyproject.toml", CHECKOUT / "requirements.lock", ["--all-extras"]),
    (UV_PIN.with_name("uv.in"), UV_PIN, []),
)
_SCOPE = ["--universal", "--python-version", "3.11"]
_FORM = ["--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header", "--quiet"]


def write(source: Path, target: Path, extras: list[str], report: Report) -> None:
    """Resolves one list of requirements anew."""
    resolve = [str(installer(report)), "pip", "compile", "--upgrade", *_SCOPE, *_FORM, *extras]
    command = [*resolve, "--output-file", str(target), str(source)]
    advice = "The log says which requirements exclude each other: loosen one in pyproject.toml."
    Step("lock", command, cache_home() / "logs" / "lock.log", advice).run(report)
    report.say(f"lock: wrote {target.relative_to(CHECKOUT)}")


def main() -> int:
    try:
        for source, target, extras in LOCKS:
            write(source, target, extras, Report())
    except StepFailed as failure:
        print(failure.block(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
