"""The scenario file as data. What can be wrong in a file is found when it is read, not in a trial."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from lab.cluster import LabError
from lab.objects import KINDS, Obj


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _ref(text: str) -> str:
    kind, *rest = text.split("/")
    if kind not in KINDS or len(rest) not in (1, 2) or not all(rest):
        raise ValueError(f"{text!r} is not Kind/name or Kind/namespace/name of a known kind")
    return text


def _expression(text: str) -> str:
    try:
        compile(text, "<expression>", "eval")
    except SyntaxError as problem:
        raise ValueError(f"not a Python expression: {text!r} ({problem.msg})") from None
    return text


def _object(obj: Obj) -> Obj:
    if obj.get("kind") not in KINDS or not isinstance(obj.get("metadata"), dict) or not obj.get("apiVersion"):
        raise ValueError("an object needs apiVersion, a known kind and metadata")
    return obj


Expression = Annotated[str, BeforeValidator(str), AfterValidator(_expression)]
Expressions = Annotated[list[Expression], BeforeValidator(_listed)]
Refs = Annotated[list[Annotated[str, AfterValidator(_ref)]], BeforeValidator(_listed)]
Names = Annotated[list[str], BeforeValidator(_listed)]
Objects = Annotated[list[Annotated[Obj, AfterValidator(_object)]], BeforeValidator(_listed)]


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Apply(_Step):
    """Server-side apply of objects."""

    apply: Objects


class Patch(_Step):
    """Change objects, all in the same way."""

    patch: Refs
    strategic: Any = None
    merge: Any = None
    json_: Any = Field(None, alias="json")

    @model_validator(mode="after")
    def _one_body(self) -> Patch:
        if sum(body is not None for body in (self.strategic, self.merge, self.json_)) != 1:
            raise ValueError("a patch needs exactly one of strategic, merge and json")
        return self

    def body(self) -> tuple[Any, str]:
        """What to send, and as which kind of patch."""
        if self.json_ is not None:
            return self.json_, "json"
        return (self.merge, "merge") if self.merge is not None else (self.strategic, "strategic")


class Delete(_Step):
    """Delete objects."""

    delete: Refs
    grace: int | None = None


class DeletePods(_Step):
    """Delete the pods of programs; `terminating`: only those that are being deleted anyway."""

    delete_pods: Names
    grace: int | None = None
    terminating: bool = False


class Restore(_Step):
    """Bring objects back to what they were in the baseline."""

    restore: Refs


class Restart(_Step):
    """Roll workloads out again."""

    restart: Refs


class Nodes(_Step):
    """Patch nodes by name, or all of them."""

    nodes: Names
    merge: Obj


class NodesOf(_Step):
    """Patch the nodes on which a program runs."""

    nodes_of: str
    merge: Obj


Zone = Literal["zone-a", "zone-b", "zone-c"]


class ZoneDown(_Step):
    """The machines of a zone stop."""

    zone_down: Zone


class ZoneUp(_Step):
    """The machines of a zone are back."""

    zone_up: Zone


class RunJob(_Step):
    """Start a job from a CronJob's template, now."""

    run_job: str
    as_: str = Field("", alias="as")


class Wait(_Step):
    """Wait until expressions are all true."""

    wait: Expressions
    limit: float = 40


class Sleep(_Step):
    """Let time pass."""

    sleep: float


_STEPS: dict[str, type[_Step]] = {
    "apply": Apply,
    "patch": Patch,
    "delete": Delete,
    "delete_pods": DeletePods,
    "restore": Restore,
    "restart": Restart,
    "nodes": Nodes,
    "nodes_of": NodesOf,
    "zone_down": ZoneDown,
    "zone_up": ZoneUp,
    "run_job": RunJob,
    "wait": Wait,
    "sleep": Sleep,
}


def _verb(step: Any) -> str | None:
    keys = step if isinstance(step, dict) else vars(step)
    return next((verb for verb in _STEPS if verb in keys), None)


Step = Annotated[
    Annotated[Apply, Tag("apply")]
    | Annotated[Patch, Tag("patch")]
    | Annotated[Delete, Tag("delete")]
    | Annotated[DeletePods, Tag("delete_pods")]
    | Annotated[Restore, Tag("restore")]
    | Annotated[Restart, Tag("restart")]
    | Annotated[Nodes, Tag("nodes")]
    | Annotated[NodesOf, Tag("nodes_of")]
    | Annotated[ZoneDown, Tag("zone_down")]
    | Annotated[ZoneUp, Tag("zone_up")]
    | Annotated[RunJob, Tag("run_job")]
    | Annotated[Wait, Tag("wait")]
    | Annotated[Sleep, Tag("sleep")],
    Discriminator(
        _verb,
        custom_error_type="step",
        custom_error_message="not a step: it needs one of " + ", ".join(_STEPS),
    ),
]


class Alert(BaseModel):
    """What Alertmanager would send about the fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: dict[str, str]
    pod_of: dict[str, str] = {}
    annotations: dict[str, str] = {}
    status: Literal["firing", "resolved"] | None = None


class Scenario(BaseModel):
    """One scenario file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    app: str
    source: str = ""
    family: str = ""
    severity: str = "warning"
    exclusive: bool = False
    baseline: Objects = []
    software: Obj = {}
    prepare: list[Step] = []
    fault: list[Step] = []
    symptom: Expressions = ["True"]
    symptom_limit: float = 60
    alert: Alert | None = None
    healthy: Expressions = ["healthy()"]
    sustain: float = 3
    allowed_changes: list[str] = []
    reference_fix: list[Step] = []
    control: bool = False
    hpa_scales: bool = False
    observe: float | None = None
    cleanup: list[Step] = []

    @model_validator(mode="after")
    def _complete(self) -> Scenario:
        if self.control and self.reference_fix:
            raise ValueError("a control has nothing to heal: no reference_fix")
        if not self.control and not (self.fault and self.reference_fix):
            raise ValueError("a scenario that is no control needs fault and reference_fix")
        return self


def load_scenario(file: Path, namespace: str = "trial") -> Scenario:
    """Read a scenario for one namespace; LabError names the file, the field and what is wrong with it."""
    try:
        document = yaml.safe_load(file.read_text().replace("$NS", namespace))
        return Scenario.model_validate(document)
    except yaml.YAMLError as problem:
        raise LabError(f"{file}: {problem}") from None
    except ValidationError as problem:
        lines = [
            f"{file}: {'.'.join(str(part) for part in e['loc']) or 'scenario'}: {e['msg']}"
            for e in problem.errors()
        ]
        raise LabError("\n".join(lines)) from None
