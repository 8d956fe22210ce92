"""One container whose fate is to be decided, and the words for what may become of it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Literal

from lab.network import reach
from lab.objects import Obj, app_of
from lab.world import World

FateKind = Literal["ok", "notready", "hang", "done", "wait", "crash"]


@dataclass(frozen=True)
class Fate:
    """ok, notready and hang run; done has completed; wait cannot start; crash starts and exits."""

    kind: FateKind = "ok"
    reason: str = ""
    message: str = ""
    exit: int = 1


@dataclass
class Boot:
    """What a container saw when it started, and how it has fared since."""

    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    age: float = 0.0
    restarts: int = 0


@dataclass
class Case:
    """One container whose fate is to be decided."""

    world: World
    pod: Obj
    container: Obj
    boot: Boot
    starting: bool = True

    @property
    def namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"])

    @property
    def spec(self) -> Obj:
        spec: Obj = self.pod["spec"]
        return spec

    @functools.cached_property
    def program(self) -> Obj:
        return self.world.program(self.namespace, app_of(self.pod), self.container["name"])

    def answers(self, target: str) -> bool:
        return reach(self.world, self.namespace, [self.pod], target)

    def unmet_need(self) -> str:
        return next((t for t in self.program.get("needs") or [] if not self.answers(t)), "")
