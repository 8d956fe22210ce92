"""The files of one lab directory: what it remembers, and who may do what in its cluster."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from lab.processes import Process, free_ports, port_is_free

USERS = {"admin": "kubeconfig", "engine": "engine.kubeconfig", "system": "system.kubeconfig"}
ZONES = ("zone-a", "zone-b", "zone-c")
_STATE = "state.json"


class Ports(BaseModel):
    """The ports of a lab, all on 127.0.0.1."""

    etcd: int
    peer: int
    api: int
    kubelet: int

    @classmethod
    def choose(cls) -> Ports:
        """Ports that are free now."""
        etcd, peer, api, kubelet = free_ports(4)
        return cls(etcd=etcd, peer=peer, api=api, kubelet=kubelet)

    def free(self) -> bool:
        """Are they all still (or again) free?"""
        return all(map(port_is_free, (self.etcd, self.peer, self.api, self.kubelet)))


class State(BaseModel):
    """What a lab directory remembers: the cluster's identity and the processes that were started."""

    model_config = ConfigDict(extra="forbid")

    ports: Ports
    tokens: dict[str, str] = Field(default_factory=lambda: {user: secrets.token_hex(16) for user in USERS})
    processes: list[Process] = []

    @classmethod
    def load(cls, home: Path) -> State | None:
        """The state of a directory, if it has any."""
        file = home / _STATE
        return cls.model_validate_json(file.read_text()) if file.exists() else None

    def save(self, home: Path) -> None:
        """Write the state so that no reader ever sees half of it."""
        draft = home / f".{_STATE}"
        _private(draft, self.model_dump_json(indent=1))
        draft.replace(home / _STATE)


_KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: lab
clusters:
- name: lab
  cluster:
    server: https://127.0.0.1:{port}
    certificate-authority-data: {authority}
users:
- name: {user}
  user:
    token: {token}
contexts:
- name: lab
  context: {{cluster: lab, user: {user}}}
"""


def write_access(home: Path, state: State) -> None:
    """The token file and a kubeconfig for each user.

    All are cluster administrators. They are different users so that the audit log tells the engine's writes
    from those of the lab and of people.
    """
    rows = "".join(f"{token},{user},{user},system:masters\n" for user, token in state.tokens.items())
    _private(home / "tokens.csv", rows)
    authority = base64.b64encode((home / "pki" / "ca.crt").read_bytes()).decode()
    for user, file in USERS.items():
        text = _KUBECONFIG.format(
            port=state.ports.api, authority=authority, user=user, token=state.tokens[user]
        )
        _private(home / file, text)


def _private(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)
