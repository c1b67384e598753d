"""The account that the tests of this folder share."""

from __future__ import annotations

from empty_account import account
from provisioned import provisioned

__all__ = ["account", "provisioned"]
