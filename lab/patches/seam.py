"""How a patch reaches moto: the builtin ``setattr`` in the lab; pytest's in tests, which takes every patch back."""

from __future__ import annotations

from collections.abc import Callable

SetAttribute = Callable[[object, str, object], None]
Patch = Callable[[SetAttribute], None]
