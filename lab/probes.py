"""What a program answers to the probes of its container."""

from __future__ import annotations

from lab.objects import Obj


def probe_problem(container: Obj, probe: Obj, program: Obj) -> str:
    """Why this probe fails, in the kubelet's words; empty when it succeeds."""
    action = probe.get("httpGet") or probe.get("tcpSocket") or probe.get("grpc")
    if action and program.get("listen"):
        port = _number(container, action["port"])
        if port not in program["listen"]:
            return f"dial tcp :{port}: connect: connection refused"
        answered = program.get("paths")
        if "httpGet" in probe and answered and action.get("path", "/") not in answered:
            return "HTTP probe failed with statuscode: 404"
    if program.get("latency", 0) > probe.get("timeoutSeconds", 1):
        return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    return ""


def _number(container: Obj, port: int | str) -> int | str:
    """A named port of the container by its number (the name itself if nothing has that name)."""
    declared = container.get("ports") or []
    return next((p["containerPort"] for p in declared if p.get("name") == port), port)


def seconds_until_killed(probe: Obj) -> float:
    """How long a container may take to answer its first probe."""
    return float(
        probe.get("initialDelaySeconds", 0)
        + probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
    )
