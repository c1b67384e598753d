# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all modules have in common that work on a host with a bucket."""

from __future__ import annotations


class ModuleDocFragment:
    """Where it is and how it is reached."""

    DOCUMENTATION = r"""
options:
  bucket:
    description: The bucket.
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
requirements:
  - boto3, or the command C(fleetdata), whose virtual environment C(/opt/fleetdata/current/venv) is used where the module's own Python has no boto3
notes:
  - Runs on the host, with the credentials that boto3 finds there (the instance profile, or C(AWS_PROFILE) and the like by C(environment)). No option takes any.
"""
