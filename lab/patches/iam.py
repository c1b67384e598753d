"""IAM: how policies are judged."""

from __future__ import annotations

from typing import Any

from moto.iam.access_control import IAMPolicyStatement, PermissionResult

from lab.patches.seam import Patch, SetAttribute


def transport_condition(set_attribute: SetAttribute) -> None:
    """A TLS-only policy denies aws:SecureTransport=false; moto ignores the condition and denies everybody.

    The lab counts its own transport as TLS, so such a statement concerns no request.
    """
    judge = IAMPolicyStatement.is_action_permitted

    def is_action_permitted(self: Any, *args: Any, **kwargs: Any) -> Any:
        condition = (self._statement.get("Condition") or {}).get("Bool") or {}
        if str(condition.get("aws:SecureTransport", "")).lower() == "false":
            return PermissionResult.NEUTRAL
        return judge(self, *args, **kwargs)

    set_attribute(IAMPolicyStatement, "is_action_permitted", is_action_permitted)


PATCHES: tuple[Patch, ...] = (transport_condition,)
