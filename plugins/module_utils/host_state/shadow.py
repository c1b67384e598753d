# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts have an entry in the shadow files: a power cut can leave one without, which PAM refuses."""

from __future__ import annotations


def bare_users() -> frozenset[str]:
    """Users of /etc/passwd that /etc/shadow lacks."""
    return _names("/etc/passwd") - (_names("/etc/shadow") or _names("/etc/passwd"))


def bare_groups() -> frozenset[str]:
    """Groups of /etc/group that /etc/gshadow lacks."""
    return _names("/etc/group") - (_names("/etc/gshadow") or _names("/etc/group"))


def _names(path: str) -> frozenset[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return frozenset(line.split(":", 1)[0] for line in stream)
    except OSError:
        return frozenset()
