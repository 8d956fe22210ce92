"""Is a refusal still true? Controllers repeat what the API server last told them until their next try, minutes later.

Like a missing reference, a refusal is checked against the snapshot: when the quota has grown, the limit range is gone or
the class is back, nothing forbids the pods any more, and the next try succeeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from suture.diagnosis import quantity
from suture.diagnosis.fields import items, mapping, text
from suture.domain.snapshot import Snapshot

_QUOTA: Final = re.compile(r"exceeded quota: ([a-z0-9.-]+), .*limited: (\S+)", re.S)
_LIMIT: Final = re.compile(r"(maximum|minimum) (\S+) usage per (Container|Pod) is (\S+?),")
_WEBHOOK: Final = re.compile(r"failed calling webhook \"([^\"]+)\"")
_CLASS: Final = re.compile(r"no PriorityClass with name (\S+) was found")
_LEVEL: Final = re.compile(r"violates PodSecurity \"([a-z]+)[:\"]")
ENFORCED: Final = "pod-security.kubernetes.io/enforce"
_WEBHOOKS: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def is_over(snapshot: Snapshot, namespace: str, said: str) -> bool:
    """Whether what the message complains of is no longer so; False when it names nothing that can be looked up.

    A kind of which the snapshot holds nothing at all may be one that the engine cannot list: it only counts as gone
    where its absence is ordinary (quotas, limit ranges).
    """
    found = [rule(snapshot, namespace, match) for pattern, rule in _RULES for match in pattern.finditer(said)]
    return bool(found) and all(found)


def _quota(snapshot: Snapshot, namespace: str, found: re.Match[str]) -> bool:
    manifest = snapshot.get("ResourceQuota", namespace, found[1])
    if manifest is None:
        return True
    hard = mapping(manifest, "spec.hard")
    limits = dict(part.split("=", 1) for part in found[2].split(",") if "=" in part)
    return any(_grew(limit, hard.get(name)) for name, limit in limits.items())


def _grew(before: str, now: object) -> bool:
    if now is None:
        return True
    old, new = quantity.parse(before), quantity.parse(now)
    return old is not None and new is not None and new > old


def _limit_range(snapshot: Snapshot, namespace: str, found: re.Match[str]) -> bool:
    bound = "max" if found[1] == "maximum" else "min"
    said = quantity.parse(found[4])
    return not any(
        limit.get("type") == found[3] and quantity.parse(mapping(limit, bound).get(found[2])) == said
        for manifest in snapshot.all("LimitRange", namespace)
        for limit in items(manifest, "spec.limits")
    )


def _webhook(snapshot: Snapshot, _: str, found: re.Match[str]) -> bool:
    known = [m for kind in _WEBHOOKS for m in snapshot.all(kind)]
    return bool(known) and not any(text(w, "name") == found[1] for m in known for w in items(m, "webhooks"))


def _priority(snapshot: Snapshot, _: str, found: re.Match[str]) -> bool:
    return snapshot.get("PriorityClass", "", found[1]) is not None


def _level(snapshot: Snapshot, namespace: str, found: re.Match[str]) -> bool:
    home = snapshot.get("Namespace", "", namespace)
    return home is not None and mapping(home, "metadata.labels").get(ENFORCED) != found[1]


_RULES: Final[tuple[tuple[re.Pattern[str], Callable[[Snapshot, str, re.Match[str]], bool]], ...]] = (
    (_QUOTA, _quota),
    (_LIMIT, _limit_range),
    (_WEBHOOK, _webhook),
    (_CLASS, _priority),
    (_LEVEL, _level),
)
