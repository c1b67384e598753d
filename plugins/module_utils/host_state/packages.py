# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages are installed, by the host's own package database."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .systemd import run


def manager() -> str:
    """``apt`` or ``dnf``: which of Ansible's package modules this host needs."""
    return "apt" if os.path.exists("/usr/bin/dpkg-query") and os.path.isdir("/var/lib/dpkg/info") else "dnf"


def installed(names: Sequence[str]) -> set[str]:
    """The names among ``names`` that are installed, whole and configured."""
    if not names:
        return set()
    if manager() == "apt":
        lines = run("dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names, check=False).stdout.splitlines()
        return {line.split()[0] for line in lines if line.endswith(" installed")}
    found = set()
    for name in names:
        if run("rpm", "--query", "--whatprovides", name, check=False).returncode == 0:
            found.add(name)
    return found
