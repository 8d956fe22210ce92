"""The governor's numbers: the content of governor.yaml, and which of them one turn needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from policies.calendar import Freeze
from policies.files import read
from suture.domain.governor import Turn
from suture.domain.target import ObjectRef, Target

SHIPPED = Path(__file__).with_name("governor.yaml")
Per = Literal["target", "object", "kind", "namespace"]
SLOTS, LOCK, COOLDOWN, RATE = "slots", "lock", "cooldown", "rate"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Concurrency(_Strict):
    """How many incidents may hold a turn at the same time."""

    total: int = Field(ge=1, le=100_000)
    per_namespace: int = Field(ge=1, le=100_000)


class Rate(_Strict):
    """At most so many changes in a sliding window of seconds. 0 means: only with a person's word."""

    per: Per
    only: list[str] = Field(default_factory=list, description="empty: all")
    at_most: int = Field(ge=0)
    seconds: float = Field(gt=0, le=30 * 86400)

    def counts(self, value: str) -> bool:
        """Whether a target or object (cluster/Kind/...), a kind or a namespace (cluster/name) falls under it."""
        if not self.only:
            return True
        parts = value.split("/")
        return parts[0 if self.per == "kind" else 1] in self.only


class Storm(_Strict):
    """The breaker opens when more incidents than this begin within the window."""

    incidents: int = Field(ge=1)
    within_seconds: float = Field(gt=0)
    cooldown_seconds: float = Field(ge=0)


class Limits(_Strict):
    """One governor file; all times in seconds."""

    version: int = Field(ge=1, le=1)
    concurrency: Concurrency
    rates: list[Rate] = Field(default_factory=list)
    cooldown_seconds: float = Field(ge=0)
    storm: Storm
    daily_budget: int = Field(ge=0)
    lease_seconds: float = Field(gt=0)
    first_retry_seconds: float = Field(gt=0)
    last_retry_seconds: float = Field(gt=0)
    freezes: list[Freeze] = Field(default_factory=list)

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Self:
        """Read a governor file; raises Invalid that names the file and the line."""
        return read(path, cls, "governor file")[0]

    def needs(self, turn: Turn) -> dict[str, int]:
        """What the turn takes of each limit, by the limit's name, for example {"slots": 1, "lock:default/Node/n1": 1}."""
        target = turn.target
        found = Counter({SLOTS: 1, f"{SLOTS}:{space(target)}": 1})
        for name in {where(target, o) for o in [target.ref, *turn.objects]}:
            found[f"{LOCK}:{name}"] = 1
            if self.cooldown_seconds:
                found[f"{COOLDOWN}:{name}"] = 1
        for kind, ref in zip(turn.kinds, turn.objects, strict=True):
            values: Mapping[Per, str] = {
                "target": where(target, target.ref),
                "object": where(target, ref),
                "kind": kind,
                "namespace": space(target),
            }
            found.update({rate_name(r, values[r.per]) for r in self.rates if r.counts(values[r.per])})
        return dict(found)

    def capacity(self, name: str) -> int:
        """How much there is of a limit in all. A name that is not known any more limits nothing."""
        what, _, value = name.partition(":")
        if what == SLOTS:
            return self.concurrency.per_namespace if value else self.concurrency.total
        if what != RATE:
            return 1
        return min((r.at_most for r in self.matching(name)), default=1_000_000_000)

    def matching(self, name: str) -> Iterable[Rate]:
        """The rates that a limit's name stands for."""
        return (
            r
            for r in self.rates
            if name.startswith(RATE) and rate_name(r, _value(name)) == name and r.counts(_value(name))
        )


def rate_name(rate: Rate, value: str) -> str:
    """The name of a rate's limit, for example "rate:kind:3600:scale"."""
    return f"{RATE}:{rate.per}:{rate.seconds:g}:{value}"


def _value(name: str) -> str:
    return name.split(":", 3)[3]


def where(target: Target, ref: ObjectRef) -> str:
    """An object among all clusters."""
    return f"{target.cluster}/{ref}"


def space(target: Target) -> str:
    """A namespace among all clusters."""
    return f"{target.cluster}/{target.namespace}"
