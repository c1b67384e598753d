# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known to be wrong before the host is asked ends the task there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleActionFail


def refuse(problems: Sequence[Any], *, host: str) -> None:
    """Fail with every problem at once, if there is any."""
    if problems:
        raise AnsibleActionFail(f"{host}: {'. '.join(str(problem).rstrip('.') for problem in problems)}. Nothing was changed.")
