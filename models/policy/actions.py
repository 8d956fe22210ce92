"""The twenty actions of the policy: the engine's action kinds, patches told apart by what they touch, and calling a person.

The policy chooses among plans that exist; an action without a plan is masked, and so is one that the guardrails forbid.
"""

from __future__ import annotations

from enum import IntEnum

from suture.domain.action import AdjustResources, BaseAction, DeletePod, Patch
from suture.domain.plan import Plan


class PolicyAction(IntEnum):
    """The index is the network's output; new ones take the place of RESERVED or retrain everything."""

    UNDO_ROLLOUT = 0
    RESTART_ROLLOUT = 1
    SCALE = 2
    DELETE_POD = 3
    FREE_POD = 4  # delete_pod without grace: a pod of a lost node
    ADJUST_RESOURCES = 5
    PATCH_WORKLOAD = 6
    PATCH_CONFIG = 7
    PATCH_SERVICE = 8
    PATCH_INGRESS = 9
    PATCH_NETWORK_POLICY = 10
    PATCH_ACCESS = 11
    PATCH_LIMIT = 12
    PATCH_STORAGE = 13
    PATCH_NODE = 14
    RECREATE_OBJECT = 15
    REMOVE_CREATED = 16
    CORDON = 17
    UNCORDON = 18
    CALL_PERSON = 19


_BY_KIND = {
    "undo_rollout": PolicyAction.UNDO_ROLLOUT,
    "restart_rollout": PolicyAction.RESTART_ROLLOUT,
    "scale": PolicyAction.SCALE,
    "recreate_object": PolicyAction.RECREATE_OBJECT,
    "remove_created": PolicyAction.REMOVE_CREATED,
    "cordon": PolicyAction.CORDON,
    "uncordon": PolicyAction.UNCORDON,
}
_PATCHED = {
    **dict.fromkeys(("ConfigMap", "Secret"), PolicyAction.PATCH_CONFIG),
    **dict.fromkeys(("Service", "EndpointSlice"), PolicyAction.PATCH_SERVICE),
    **dict.fromkeys(("Ingress", "IngressClass"), PolicyAction.PATCH_INGRESS),
    "NetworkPolicy": PolicyAction.PATCH_NETWORK_POLICY,
    **dict.fromkeys(
        ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"), PolicyAction.PATCH_ACCESS
    ),
    **dict.fromkeys(
        (
            "HorizontalPodAutoscaler", "PodDisruptionBudget", "ResourceQuota", "LimitRange", "PriorityClass", "Namespace",
            "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
        ),
        PolicyAction.PATCH_LIMIT,
    ),
    **dict.fromkeys(("PersistentVolumeClaim", "PersistentVolume", "StorageClass"), PolicyAction.PATCH_STORAGE),
    "Node": PolicyAction.PATCH_NODE,
}  # fmt: skip


def policy_action(plan: Plan) -> PolicyAction:
    """Under which action a plan stands: its first change says what it is about."""
    return _of(plan.actions[0])


def _of(action: BaseAction) -> PolicyAction:
    if isinstance(action, DeletePod):
        return PolicyAction.FREE_POD if action.grace_seconds == 0 else PolicyAction.DELETE_POD
    if isinstance(action, AdjustResources):
        return PolicyAction.ADJUST_RESOURCES
    if isinstance(action, Patch):
        return patched(action.object.kind)
    return _BY_KIND.get(str(getattr(action, "kind", "")), PolicyAction.PATCH_WORKLOAD)


def patched(kind: str) -> PolicyAction:
    """The action that patches an object of a kind."""
    return _PATCHED.get(kind, PolicyAction.PATCH_WORKLOAD)
