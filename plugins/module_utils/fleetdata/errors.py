# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, by kind. A message says what, where, why and what to do next; it never holds a credential."""

from __future__ import annotations

OK = 0
USAGE = 2
"""Exit codes of the command: an argument or the configuration is wrong,"""
QUARANTINED = 3
"""a file's content is not what its report type declares, or what was to be backed up is empty or corrupt,"""
CONFLICT = 4
"""another content is archived for that day already, or is where something comes back,"""
DAMAGED = 5
"""what S3 gave back is not what was sent, or an archived object is missing, damaged or swapped,"""
INCOMPLETE = 6
"""days, rows or a backup that were asked for are not there, nothing was found to check, or a backup or recovery is too old or slow,"""
UNREACHABLE = 7
"""S3 could not be reached, did not answer in time, or refused the credentials,"""
STAYED = 8
"""something that was to go stays, as a check refused it; nothing was lost."""


class FleetDataError(Exception):
    """A sentence for a person. ``code`` is the exit code of the command."""

    code = USAGE


class ConfigurationError(FleetDataError):
    """A setting is missing, unknown or unusable; nothing was read or written."""


class UsageError(ConfigurationError):
    """The command was called wrongly."""


class ContentError(FleetDataError):
    """A file is not the CSV that its report type declares. The message names row (1 = header), column and value."""

    code = QUARANTINED


class DamageError(FleetDataError):
    """S3 gave back something else than what was sent or recorded. The message names key, version and what differs."""

    code = DAMAGED


class StoreError(FleetDataError):
    """S3 refused or did not answer. ``kind``: denied, missing, throttled, unreachable or other."""

    code = UNREACHABLE

    def __init__(self, message: str, *, kind: str = "other") -> None:
        super().__init__(message)
        self.kind = kind
