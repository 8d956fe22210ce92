"""What fills the slots of a family. The pools are the same for every type, so that no name gives a type away."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

import yaml

from models.training.corpus import DATA

_SLOT: Final = re.compile(r"\{([a-z]+)\}")
_CHOICE: Final = re.compile(r"\{([^{}\"\n|]+(?:\|[^{}\"\n|]+)+)\}")

_TAILS = ["", "-api", "-service", "-worker", "-web", "-svc", "-job", "-server", "", ""]
_FORMATS = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S UTC %Y",
            "%d/%b/%Y:%H:%M:%S +0000", "%Y/%m/%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.123Z"]  # fmt: skip


@lru_cache(maxsize=1)
def _pools() -> dict[str, list[str]]:
    found = yaml.safe_load((DATA / "pools.yaml").read_text(encoding="utf-8"))
    return {name: words.split() for name, words in found.items()}


def _one(draw: random.Random, pool: str) -> str:
    return draw.choice(_pools()[pool])


def moment(draw: random.Random) -> datetime:
    """A moment of the last years."""
    return datetime(2021, 1, 1, tzinfo=UTC) + timedelta(seconds=draw.randrange(150_000_000))


def _date(draw: random.Random) -> str:
    return moment(draw).strftime(draw.choice(_FORMATS))


def _hex(draw: random.Random, size: int) -> str:
    return f"{draw.getrandbits(4 * size):0{size}x}"


def _uuid(draw: random.Random) -> str:
    h = _hex(draw, 32)
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def _service(draw: random.Random) -> str:
    return _one(draw, "nouns") + draw.choice(_TAILS)


_FILL: Final[dict[str, Callable[[random.Random], str]]] = {
    "n": lambda r: str(r.choice([r.randrange(10), r.randrange(100), r.randrange(100_000)])),
    "big": lambda r: str(r.randrange(1_000_000, 9_000_000_000)),
    "mi": lambda r: str(r.choice([64, 128, 256, 512, 1024])),
    "pct": lambda r: str(r.randrange(60, 100)),
    "hex": lambda r: _hex(r, r.choice([8, 12, 16])),
    "sha": lambda r: _hex(r, 40),
    "uuid": _uuid,
    "date": _date,
    "ip": lambda r: ".".join(str(r.randrange(1, 255)) for _ in range(4)),
    "port": lambda r: str(r.choice([80, 443, 3000, 5000, 5432, 6379, 8080, 8443, 9090, 9200, 27017])),
    "ver": lambda r: f"{r.randrange(12)}.{r.randrange(30)}.{r.randrange(20)}",
    "host": lambda r: _one(r, "hosts"),
    "svc": _service,
    "proc": lambda r: _one(r, "processes"),
    "pkg": lambda r: _one(r, "packages"),
    "cls": lambda r: _one(r, "classes"),
    "fn": lambda r: _one(r, "functions"),
    "test": lambda r: _one(r, "tests"),
    "path": lambda r: f"{_one(r, 'directories')}/{_one(r, 'files')}",
    "pod": lambda r: f"{_service(r)}-{_hex(r, 9)}-{_hex(r, 5)}",
    "ns": lambda r: r.choice(["default", "prod", "staging", "shop", "team-a", "kube-system", "monitoring"]),
    "img": lambda r: _one(r, "images"),
    "repo": lambda r: _one(r, "repositories"),
    "user": lambda r: _one(r, "users"),
    "key": lambda r: _one(r, "keys"),
    "db": lambda r: _one(r, "databases"),
    "bucket": lambda r: f"{_one(r, 'nouns')}-{r.choice(['assets', 'backup', 'logs', 'data'])}",
    "disk": lambda r: r.choice(["sda1", "nvme0n1p1", "xvdf", "vdb", "dm-0", "sdb", "mapper/vg0-data"]),
    "nic": lambda r: r.choice(["eth0", "ens5", "bond0", "eno1"]),
}


def fill(template: str, draw: random.Random) -> str:
    """The template with every slot filled and every choice made; unknown braces stay as they are.

    >>> fill("{low|low} on {db}", random.Random(1)).startswith("low on ")
    True
    """
    chosen = _CHOICE.sub(lambda m: draw.choice(m[1].split("|")), template)
    return _SLOT.sub(lambda m: _FILL[m[1]](draw) if m[1] in _FILL else m[0], chosen)
