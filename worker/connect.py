"""The Temporal client: address, namespace, TLS and API key as temporalio's own `TEMPORAL_*` settings say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from temporalio.client import Client, Plugin
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime

from suture.domain.errors import Unavailable

DEFAULT_ADDRESS = "127.0.0.1:7233"


async def connect(
    plugins: Sequence[Plugin] = (), runtime: Runtime | None = None, address: str | None = None
) -> Client:
    """Connect as the environment says (`address` overrides it). Raises Unavailable with what to do when nobody answers."""
    config: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    if address:
        config["target_host"] = address
    target = config.setdefault("target_host", DEFAULT_ADDRESS)
    try:
        return await Client.connect(
            **config, data_converter=pydantic_data_converter, plugins=list(plugins), runtime=runtime
        )
    except RuntimeError as e:
        raise Unavailable(
            f"Temporal does not answer at {target}: start it, or set TEMPORAL_ADDRESS ({_why(e)})"
        ) from e


def _why(error: RuntimeError) -> str:
    """The operating system's words where there are any, out of the connection library's nested ones."""
    found = re.search(r'message: "([^"]+)"', str(error))
    return found[1] if found else str(error)
