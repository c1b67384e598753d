# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules sqlite_backup and sqlite_backup_restore have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """What is backed up."""

    DOCUMENTATION = r"""
options:
  config:
    description:
      - The file of the host's archive, such as C(/etc/steady-fleet/fleetdata.json), whether it is there or not. The backups are declared in the folder
        beside it, C(/etc/steady-fleet/fleetdata.d), by the role P(steady.fleet.sqlite_backup#role).
      - What other options say takes the place of what is said there.
      - Without it, O(bucket), O(region), O(name), and O(database) or O(folder) are required.
    type: path
  database:
    description: The SQLite database whose backups are called O(name), an absolute path.
    type: path
  folder:
    description: The folder whose backups are called O(name), an absolute path.
    type: path
  work:
    description: A directory for copies on their way, with room for the largest database; C(/var/lib/fleetdata/backup) unless said.
    type: path
  busy_seconds:
    description: How long others that hold a database are waited for; 60 unless said.
    type: float
notes:
  - The bucket is one with versions, and for backups alone.
"""
