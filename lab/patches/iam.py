"""IAM: how policies are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from fnmatch import fnmatchcase
from typing import Any

from moto.iam.access_control import IAMPolicyStatement, PermissionResult

from lab.patches.seam import Patch, SetAttribute

KEYS = ("aws:PrincipalArn", "aws:SecureTransport", "s3:ObjectCreationOperation", "s3:if-none-match")
REQUEST: ContextVar[Mapping[str, str]] = ContextVar("REQUEST")
"""What the request that is served says of the condition keys above. The lab counts its own transport as TLS."""
TLS = {"aws:SecureTransport": "true"}

OPERATORS: dict[str, Callable[[str | None, list[str]], bool]] = {
    "ArnLike": lambda found, said: any(fnmatchcase(found or "", one) for one in said),
    "ArnNotLike": lambda found, said: not any(fnmatchcase(found or "", one) for one in said),
    "Bool": lambda found, said: found in said,
    "Null": lambda found, said: str(found is None).lower() in said,
}


def request_conditions(set_attribute: SetAttribute) -> None:
    """A statement concerns a request that meets its condition; moto knows none of these and applies a Deny to everybody."""
    judge = IAMPolicyStatement.is_action_permitted

    def is_action_permitted(self: Any, *args: Any, **kwargs: Any) -> Any:
        condition = self._statement.get("Condition") or {}
        known = condition.keys() <= OPERATORS.keys() and all(key in KEYS for tests in condition.values() for key in tests)
        if not condition or not known:
            return judge(self, *args, **kwargs)
        if not _met(condition, REQUEST.get(TLS)):
            return PermissionResult.NEUTRAL
        rest = {key: value for key, value in self._statement.items() if key != "Condition"}
        return judge(IAMPolicyStatement(rest), *args, **kwargs)

    set_attribute(IAMPolicyStatement, "is_action_permitted", is_action_permitted)


def _met(condition: Mapping[str, Mapping[str, Any]], request: Mapping[str, str]) -> bool:
    return all(
        OPERATORS[operator](request.get(key), [str(one).lower() if isinstance(one, bool) else one for one in (said if isinstance(said, list) else [said])])
        for operator, tests in condition.items()
        for key, said in tests.items()
    )


PATCHES: tuple[Patch, ...] = (request_conditions,)
