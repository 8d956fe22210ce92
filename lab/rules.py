"""Free-form rules of a software description: what no field of it can say.

A rule's `when` is Python of the lab's own trusted files. Its scope is bare so that rules stay declarative and
mean the same wherever they run; it is no sandbox.
"""

from __future__ import annotations

import base64
import functools
from types import CodeType
from typing import Any

from lab.case import Case, Fate
from lab.objects import Obj, app_of, dig
from lab.world import World

_BUILTINS = {"any": any, "all": all, "len": len}


@functools.lru_cache(maxsize=512)
def _compiled(expression: str) -> CodeType:
    return compile(expression, "<rule>", "eval")


def _scope(case: Case) -> dict[str, Any]:
    def obj(ref: str) -> Obj | None:
        kind, _, name = ref.partition("/")
        return case.world.get(kind, case.namespace, name)

    return {
        "__builtins__": _BUILTINS,
        "env": case.boot.env,
        "files": case.boot.files,
        "pod": case.pod,
        "spec": case.spec,
        "c": case.container,
        "dig": dig,
        "obj": obj,
        "reach": case.answers,
        "age": case.boot.age,
        "restarts": case.boot.restarts,
        "b64": lambda text: base64.b64encode(text.encode()).decode(),
    }


def rules_of(world: World, pod: Obj, container: Obj) -> list[Obj]:
    """The rules that speak about this container."""
    app, name = app_of(pod), container["name"]
    return [
        rule
        for rule in world.rules(pod["metadata"]["namespace"])
        if rule.get("app", app) == app and rule.get("container", name) == name
    ]


def fate_by_rule(case: Case) -> Fate | None:
    """The fate that the first fitting rule decides."""
    for rule in rules_of(case.world, case.pod, case.container):
        if eval(_compiled(rule["when"]), _scope(case)):  # noqa: S307
            return Fate(
                rule["fate"], rule.get("reason", "Error"), rule.get("message", ""), rule.get("exit", 1)
            )
    return None
