"""The account that the tests of this folder share."""

from __future__ import annotations

from empty_account import account

__all__ = ["account"]
