"""What becomes of a container: decided from its spec, its inputs and the description of its software.

Every check is a small pure function. They run in the order in which a real container would meet the problem:
pulling the image, creating the container, starting the program, its configuration, its permissions, its
memory, its dependencies, and at last the probes. The first one that has an answer decides.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from lab.case import Case, Fate
from lab.inputs import DIRECTORY
from lab.objects import Obj, dig, quantity
from lab.probes import probe_problem, seconds_until_killed
from lab.rules import fate_by_rule

UNDESCRIBED_JOB_SECONDS = 1.0
_SECRET_NAME = re.compile("PASS|TOKEN|KEY|SECRET")


def decide(case: Case) -> Fate:
    """The fate of a container."""
    for check in _CHECKS:
        fate = check(case)
        if fate is not None:
            return fate
    return Fate()


def _crash(message: str, code: int = 1, reason: str = "Error") -> Fate:
    return Fate("crash", reason, message, code)


# ---------------------------------------------------------------- before the program runs


def _image(case: Case) -> Fate | None:
    image, known = case.container["image"], case.program.get("images")
    if known and _fits_any(image, known):
        return None
    for pattern, bad in (case.program.get("bad_images") or {}).items():
        if fnmatch.fnmatchcase(image, pattern):
            return Fate(
                bad.get("fate", "crash"),
                bad.get("reason", "Error"),
                bad.get("message", ""),
                bad.get("exit", 1),
            )
    if not known:
        return None
    return Fate(
        "wait",
        "ImagePullBackOff",
        f'Back-off pulling image "{image}": ErrImagePull: failed to pull '
        f'and unpack image "{image}": failed to resolve reference "{image}": {image}: not found',
    )


def _fits_any(image: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(image, pattern) for pattern in patterns)


def _security(case: Case) -> Fate | None:
    context = {**(case.spec.get("securityContext") or {}), **(case.container.get("securityContext") or {})}
    if case.program.get("root") and context.get("runAsNonRoot") and not context.get("runAsUser"):
        return Fate(
            "wait", "CreateContainerConfigError", "container has runAsNonRoot and image will run as root"
        )
    writes = str(case.program.get("writes", "")).rstrip("/")
    writable = not context.get("readOnlyRootFilesystem") or case.boot.files.get(f"{writes}/") == DIRECTORY
    return None if not writes or writable else _crash(f"open {writes}/state.tmp: read-only file system")


def _command(case: Case) -> Fate | None:
    command = case.container.get("command") or []
    line = command + (case.container.get("args") or [])
    known = case.program.get("commands")
    if not line or not known or line in known:
        return None
    if command and command[0] not in {other[0] for other in known if other}:
        return _crash(f'exec: "{command[0]}": executable file not found in $PATH: unknown', 128, "StartError")
    return _crash(f"error: unexpected arguments: {' '.join(line[1:] or line)}\nusage: see --help", 2)


# ---------------------------------------------------------------- while the program starts


def _configuration(case: Case) -> Fate | None:
    env, files = case.boot.env, case.boot.files
    for name, pattern in (case.program.get("env") or {}).items():
        if name not in env:
            return _crash(f"fatal: required environment variable {name} is not set")
        if not re.search(pattern, env[name]):
            shown = "(hidden)" if _SECRET_NAME.search(name) else repr(env[name])
            why = (case.program.get("env_error") or {}).get(name, "cannot use it")
            return _crash(f"fatal: bad value of {name}: {shown}: {why}")
    for path, pattern in (case.program.get("files") or {}).items():
        if path not in files:
            return _crash(f"fatal: open {path}: no such file or directory")
        if not re.search(pattern, files[path], re.MULTILINE):
            why = (case.program.get("file_error") or {}).get(path, "invalid configuration")
            return _crash(f"fatal: {path}: {why}")
    return None


def _permissions(case: Case) -> Fate | None:
    account = case.spec.get("serviceAccountName", "default")
    for what in case.program.get("rbac") or []:
        if not case.world.access(case.namespace, account, what):
            verb, resource = what.split()[:2]
            group, _, plural = resource.rpartition("/")
            user = f"system:serviceaccount:{case.namespace}:{account}"
            return _crash(
                f'fatal: {plural} is forbidden: User "{user}" cannot {verb} resource "{plural}" in '
                f'API group "{group}" in the namespace "{case.namespace}"'
            )
    return None


def _memory(case: Case) -> Fate | None:
    limit, needed = dig(case.container, "resources.limits.memory"), case.program.get("memory")
    if limit and needed and quantity(limit) < quantity(needed):
        return Fate("crash", "OOMKilled", "", 137)
    return None


def _batch(case: Case) -> Fate | None:
    """A program that ends by itself (unless the pod is one that runs for ever)."""
    seconds = case.program.get("completes")
    if seconds is None and not case.program and _of_job(case.pod):
        seconds = UNDESCRIBED_JOB_SECONDS
    if seconds is None or case.spec.get("restartPolicy", "Always") == "Always":
        return None
    unmet = case.unmet_need()
    if unmet:
        return _crash(f"fatal: dial {unmet}: connection failed")
    return Fate("done", "Completed", "", 0) if case.boot.age >= seconds else Fate()


def _of_job(pod: Obj) -> bool:
    return any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences") or [])


def _needs(case: Case) -> Fate | None:
    mode = case.program.get("needs_mode", "none")
    if mode == "none" or (mode == "crash" and not case.starting):
        return None
    unmet = case.unmet_need()
    return Fate(mode, "Error", f"dial {unmet}: no answer") if unmet else None


# ---------------------------------------------------------------- while it runs


def _killing_probes(case: Case) -> Fate | None:
    """Startup and liveness probes restart a container; a startup probe also covers the slow start."""
    warm_up = case.program.get("startup", 0)
    for name in ("startup", "liveness"):
        probe = case.container.get(f"{name}Probe")
        if not probe:
            continue
        problem = probe_problem(case.container, probe, case.program)
        if not problem and seconds_until_killed(probe) < warm_up:
            problem = "connection refused while starting"
        if problem:
            return _crash(f"{name.capitalize()} probe failed: {problem}", 137)
        warm_up = 0
    return None


def _readiness(case: Case) -> Fate | None:
    limit, needed = dig(case.container, "resources.limits.cpu"), case.program.get("cpu")
    if limit and needed and quantity(limit) < quantity(needed):
        return Fate(
            "notready", "Unhealthy", "Readiness probe failed: context deadline exceeded (CPU is throttled)"
        )
    probe = case.container.get("readinessProbe")
    problem = probe_problem(case.container, probe, case.program) if probe else ""
    return Fate("notready", "Unhealthy", f"Readiness probe failed: {problem}") if problem else None


_CHECKS: tuple[Callable[[Case], Fate | None], ...] = (
    fate_by_rule,
    _image,
    _security,
    _command,
    _configuration,
    _permissions,
    _memory,
    _batch,
    _needs,
    _killing_probes,
    _readiness,
)
