"""Small tools of the lab's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Probe = Callable[[], Any]
Compare = Callable[[Callable[..., None], Probe], tuple[Any, Any]]


def error_of(call: Probe) -> str:
    """The AWS error code, or the exception's name, that ``call`` ends with; an empty string for success."""
    try:
        call()
    except Exception as error:
        response: dict[str, Any] = getattr(error, "response", {})
        return str(response.get("Error", {}).get("Code") or type(error).__name__)
    return ""
