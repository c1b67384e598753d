# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python releases get on each platform, and the package that lets it make virtual environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PLATFORMS = {
    # The system's own python3 (3.9) is the distribution's tool; applications get the newer one beside it.
    "Amazon": {"python": "python3.11", "package": "{python}"},
    "Debian": {"python": "python3", "package": "{python}-venv"},
}
"""By the fact distribution, else by os_family."""


def choose(*, python: str, facts: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the Python to use, ``python`` if one is named, and its packages; none where the platform is not known."""
    platform = PLATFORMS.get(str(facts.get("distribution"))) or PLATFORMS.get(str(facts.get("os_family")))
    if platform is None:
        return python or "python3", []
    chosen = python or platform["python"]
    return chosen, [platform["package"].format(python=chosen)]
