"""May a service account do what its program needs? The API server decides (SubjectAccessReview).

Every running container with RBAC needs is asked about again and again, so answers are kept until a role or
binding changes. The authorizer learns of a change a moment later than a watch does: shortly after one,
answers are kept only briefly.
"""

from __future__ import annotations

import threading
import time

from lab.kube import Kube
from lab.objects import dig
from lab.store import Store

RBAC_KINDS = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
_UNSETTLED, _BRIEF, _LONG = 5.0, 0.5, 30.0


class AccessChecker:
    """Callable as `World.access`. Without a store that follows the RBAC kinds, every answer is brief."""

    def __init__(self, kube: Kube, store: Store | None = None) -> None:
        self.kube, self.store = kube, store
        self._answers: dict[tuple[str, str, str], tuple[float, bool]] = {}
        self._seen, self._changed_at = -1, 0.0
        self._lock = threading.Lock()

    def __call__(self, namespace: str, account: str, what: str) -> bool:
        key, now = (namespace, account, what), time.monotonic()
        with self._lock:
            lifetime = self._lifetime(now)
            known = self._answers.get(key)
        if known and now - known[0] < lifetime:
            return known[1]
        answer = self._ask(namespace, account, what)
        with self._lock:
            self._answers[key] = (now, answer)
        return answer

    def _lifetime(self, now: float) -> float:
        if self.store is None:
            return _BRIEF
        version = self.store.kind_changes(*RBAC_KINDS)
        if version != self._seen:
            self._seen, self._changed_at = version, now
            self._answers.clear()
        return _BRIEF if now - self._changed_at < _UNSETTLED else _LONG

    def _ask(self, namespace: str, account: str, what: str) -> bool:
        verb, resource = what.split()[:2]
        group, _, plural = resource.rpartition("/")
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{namespace}:{account}",
                "groups": [
                    "system:serviceaccounts",
                    f"system:serviceaccounts:{namespace}",
                    "system:authenticated",
                ],
                "resourceAttributes": {
                    "namespace": namespace,
                    "verb": verb,
                    "group": group,
                    "resource": plural,
                },
            },
        }
        answer = self.kube.call("POST", "apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return bool(dig(answer, "status.allowed"))
