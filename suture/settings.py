"""Settings of one installation: from arguments of the command line, the environment (`SUTURE_*`), or a `.env` file."""

from __future__ import annotations

import os
import secrets
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from suture.domain.incident import Options
from suture.domain.zones import TimeZone

TASK_QUEUE = "suture"  # workflows, local activities and reading activities
ACTIONS_QUEUE = "suture-actions"  # activities that change targets: the only ones that need write credentials


def state_home() -> Path:
    """Where an installation without further words keeps its files: $XDG_STATE_HOME/suture or ~/.local/state/suture."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "suture"


class Settings(BaseSettings):
    """All times in seconds. `KUBECONFIG` and Temporal's `TEMPORAL_*` variables are read by those libraries themselves."""

    model_config = SettingsConfigDict(
        env_prefix="SUTURE_",
        env_nested_delimiter="__",
        env_file=".env",
        extra="ignore",
        validate_assignment=True,
    )

    state_dir: Path = Field(default_factory=state_home)
    listen: str = Field(default="127.0.0.1:8080", description="address of the gateway")
    database: str = Field(
        default="", description="SQLAlchemy URL; empty: a SQLite file in the state directory"
    )
    cluster: str = Field(
        default="default", pattern=r"^[^\s/]+$", description="the cluster's name in incident ids"
    )
    kubeconfig: str | None = Field(
        default=None, description="file; None: KUBECONFIG, ~/.kube/config, or in-cluster"
    )
    context: str | None = None
    token: SecretStr | None = Field(default=None, description="bearer token of the gateway")
    token_file: Path | None = Field(default=None, description="file with one bearer token a line")
    access_file: Path | None = Field(
        default=None, description="people, their roles and tokens; None: whoever is on this machine"
    )
    public_url: str = Field(
        default="", description="how people reach the pages, for links; empty: http:// and the address"
    )
    oidc_issuer: str = Field(default="", description="URL of the OpenID Connect provider; empty: none")
    oidc_client_id: str = "suture"
    oidc_client_secret_file: Path | None = Field(
        default=None, description="file with the client's secret; None: a public client (PKCE only)"
    )
    web_key_file: Path | None = Field(
        default=None, description="64 bytes for signing sessions and links; None: in state_dir"
    )
    encryption_key_file: Path | None = Field(
        default=None, description="64 bytes for sealing secret values; None: in state_dir"
    )
    policies: list[Path] = Field(
        default_factory=list, description="policy files; none: every change asks a person"
    )
    routing: Path | None = Field(
        default=None, description="file that replaces the router's numbers (policies/routing.yaml)"
    )
    guardrails: Path | None = Field(
        default=None, description="file that replaces the guardrails' limits (policies/guardrails.yaml)"
    )
    time_zone: TimeZone = Field(default="UTC", description="of `time` in policies, for example Europe/Berlin")
    emergency: Path | None = Field(
        default=None, description="what is prepared for emergencies; none: policies/emergency.yaml"
    )
    post_incident: Path | None = Field(
        default=None, description="rules of what follows an incident; none: policies/post_incident.yaml"
    )
    escalation: Path | None = Field(
        default=None,
        description="who is called while nobody answers; none: the shipped file, without contacts",
    )
    autopilot: bool = Field(
        default=False, description="load the shipped policy that runs reversible actions by itself"
    )
    governor: Path | None = Field(
        default=None, description="governor file; None: the shipped limits (policies/governor.yaml)"
    )
    protected_namespaces: list[str] = ["kube-system", "kube-public", "kube-node-lease"]
    watch_namespaces: list[str] = Field(default_factory=list, description="empty: all")
    body_limit: int = Field(default=1_048_576, gt=0, description="bytes a request may have")
    retention_days: float = Field(
        default=30, ge=1, description="days that evidence, revisions of objects and healthy periods are kept"
    )
    prometheus: str = Field(
        default="", description="URL of the Prometheus that is asked for metrics; empty: none"
    )
    prometheus_token_file: Path | None = Field(default=None, description="file with its bearer token")
    scan: Path | None = Field(
        default=None, description="rules of the scan for anomalies and forecasts; None: no scan"
    )
    scan_every: float = Field(default=60, ge=1, description="seconds between two scans")
    options: Options = Field(default_factory=Options)
    metrics: bool = True
    workers_max_cached_workflows: int = 1000
    max_concurrent_actions: int = 20

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
            raise ValueError(f"{value!r} is not an address: write HOST:PORT, for example 127.0.0.1:8080")
        return value

    @field_validator("public_url", "oidc_issuer")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
            raise ValueError(f"{value!r} is not an address: write for example https://suture.example.com")
        return value.rstrip("/")

    @property
    def url(self) -> str:
        """Where people reach the pages."""
        return self.public_url or f"http://{self.listen}"

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def loopback(self) -> bool:
        """Whether the gateway listens to this machine only."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite+aiosqlite:///{self.state_dir / 'memory.db'}"

    def tokens(self) -> list[str]:
        """All accepted bearer tokens; raises ValueError when a token file is named but cannot be read or is empty."""
        found = [self.token.get_secret_value()] if self.token else []
        if self.token_file:
            try:
                found += [line.strip() for line in self.token_file.read_text().splitlines() if line.strip()]
            except OSError as e:
                raise ValueError(f"cannot read the token file {self.token_file}: {e.strerror}") from e
            if not found:
                raise ValueError(f"the token file {self.token_file} is empty: put one token a line into it")
        return found

    def prometheus_token(self) -> str:
        """The bearer token for Prometheus, or none; raises ValueError when its file cannot be read."""
        if self.prometheus_token_file is None:
            return ""
        try:
            return self.prometheus_token_file.read_text().strip()
        except OSError as e:
            raise ValueError(f"cannot read the token file {self.prometheus_token_file}: {e.strerror}") from e

    def sealing_key(self) -> bytes:
        """The 64 bytes that seal secret values; made on first use (file mode 0600)."""
        return _key(self.encryption_key_file or self.state_dir / "sealing.key")

    def web_key(self) -> bytes:
        """The 64 bytes that sign sessions and one-time links; made on first use. Several gateways share it."""
        return _key(self.web_key_file or self.state_dir / "web.key")


def _key(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as f:
            f.write(secrets.token_bytes(64))
    key = path.read_bytes()
    if len(key) != 64:
        raise ValueError(
            f"{path} must hold exactly 64 bytes: make it with `head -c 64 /dev/urandom > {path}`"
        )
    return key
