# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules sqlite_backup and sqlite_backup_restore have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """Where the backups are and how they are reached."""

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
  bucket:
    description: The bucket, versioned and for backups alone.
    type: str
  region:
    description: Its region, such as C(eu-central-1).
    type: str
  prefix:
    description: What every key begins with, such as C(staging/). Empty unless said.
    type: str
  endpoint_url:
    description: An address of S3 other than AWS's own. Unless said, that of the environment variable C(AWS_ENDPOINT_URL), if any.
    type: str
  work:
    description: A directory for copies on their way, with room for the largest database; C(/var/lib/fleetdata/backup) unless said.
    type: path
  busy_seconds:
    description: How long others that hold a database are waited for; 60 unless said.
    type: float
requirements:
  - boto3, or the command C(fleetdata), whose virtual environment C(/opt/fleetdata/current/venv) is used where the module's own Python has no boto3
notes:
  - Runs on the host, with the credentials that boto3 finds there (the instance profile, or C(AWS_PROFILE) and the like by C(environment)). No option takes any.
"""
