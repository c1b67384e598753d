# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All actions of the command, by name, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Mapping

from . import archive_actions
from .backup import actions as backup_actions
from .drill import actions as drill_actions
from .file_retention import actions as file_actions
from .migrate import actions as migrate_actions
from .query import actions as query_actions
from .request import Action
from .retention import actions as retention_actions
from .retention import restore_actions

ALL: Mapping[str, Action] = {
    **archive_actions.ACTIONS,
    **retention_actions.ACTIONS,
    **restore_actions.ACTIONS,
    **file_actions.ACTIONS,
    **backup_actions.ACTIONS,
    **drill_actions.ACTIONS,
    **query_actions.ACTIONS,
    **migrate_actions.ACTIONS,
}
