# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages are installed, by the host's own package database."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .systemd import run


def manager() -> str:
    """``apt`` or ``dnf``: which of Ansible's package modules this host needs. dpkg alone says nothing: Fedora packages it too."""
    return "apt" if os.path.exists("/etc/debian_version") else "dnf"


def installed(names: Sequence[str]) -> set[str]:
    """The names among ``names`` that are installed, whole and configured."""
    if not names:
        return set()
    return _by_dpkg(names) if manager() == "apt" else _by_rpm(names)


def _by_dpkg(names: Sequence[str]) -> set[str]:
    lines = run("dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names, check=False).stdout.splitlines()
    return {line.split()[0] for line in lines if line.endswith(" installed")}


def _by_rpm(names: Sequence[str]) -> set[str]:
    """By a package's own name, by one with its version (``nginx-1.24.0``), or by what a package provides, as dnf takes them."""
    if _rpm_has(*names):
        return set(names)
    return {name for name in names if _rpm_has(name) or run("rpm", "--query", "--quiet", name, check=False).returncode == 0}


def _rpm_has(*names: str) -> bool:
    return run("rpm", "--query", "--whatprovides", *names, check=False).returncode == 0
