"""Settings for a command: options over variables over a `.env` file, with errors in one line."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suture.cli.problems import WrongUse

if TYPE_CHECKING:
    from suture.settings import Settings

_IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


def load(**options: Any) -> Settings:
    """The settings with the options that were given (None: not given). Raises WrongUse."""
    from pydantic import ValidationError

    from suture.settings import Settings

    try:
        return Settings(**{k: v for k, v in options.items() if v is not None})
    except ValidationError as e:
        first = e.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        text = first["msg"].removeprefix("Value error, ")
        raise WrongUse(
            f"{name}: {text}", f"set it with --{name.replace('_', '-')} or SUTURE_{name.upper()}"
        ) from e


def temporal_named() -> bool:
    """Whether the user names a Temporal server: by variable, profile, or Temporal's configuration file."""
    return temporal_in_variables() or _profile_has_address(_temporal_file())


def temporal_in_variables() -> bool:
    return any(os.environ.get(name) for name in ("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE"))


def cluster_named(settings: Settings) -> bool:
    """Whether the user names a cluster. A ~/.kube/config that merely lies there is never touched."""
    in_cluster = bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and _IN_CLUSTER.exists()
    return bool(os.environ.get("KUBECONFIG") or settings.kubeconfig or settings.context or in_cluster)


def cluster_lies_there() -> bool:
    """Whether there is a ~/.kube/config that was not named."""
    return (Path.home() / ".kube" / "config").exists()


def _temporal_file() -> Path:
    named = os.environ.get("TEMPORAL_CONFIG_FILE")
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Path(named) if named else home / "temporalio" / "temporal.toml"


def _profile_has_address(file: Path) -> bool:
    try:
        profiles = tomllib.loads(file.read_text()).get("profile", {})
    except (OSError, ValueError):
        return False
    return bool(profiles.get("default", {}).get("address"))
