"""What is healed, and the identity that makes many reports one incident."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, StringConstraints

Word = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=253, pattern=r"^[^\s/]+$")
]
OptionalWord = Annotated[str, StringConstraints(strip_whitespace=True, max_length=253, pattern=r"^[^\s/]*$")]


class ObjectRef(BaseModel):
    """One object inside a cluster. `namespace` is empty for cluster-scoped kinds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Word
    namespace: OptionalWord = ""
    name: Word

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `Kind/name` or `Kind/namespace/name`; raises ValueError with the right form on anything else."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise ValueError(f"{text!r} is not an object: write Kind/name or Kind/namespace/name")
        return cls(kind=parts[0], namespace=parts[1] if len(parts) == 3 else "", name=parts[-1])


class Target(BaseModel):
    """What an incident is about: an object of a system (a cluster, a database server ...) that the engine knows by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: Word = "kubernetes"
    cluster: Word = "default"
    namespace: OptionalWord = ""
    kind: Word
    name: Word

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef(kind=self.kind, namespace=self.namespace, name=self.name)

    @property
    def workflow_id(self) -> str:
        """Temporal's workflow id of the incident of this target; the same target always gives the same id."""
        where = [self.cluster, *([self.namespace] if self.namespace else [])]
        return "/".join(["incident", *where, self.kind.lower(), self.name])

    def __str__(self) -> str:
        return str(self.ref)

    def of(self, ref: ObjectRef) -> Target:
        """Another object of the same system and cluster."""
        return Target(
            system=self.system, cluster=self.cluster, namespace=ref.namespace, kind=ref.kind, name=ref.name
        )
