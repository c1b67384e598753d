#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring archived days back from S3 as verified CSV files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_csv_restore
short_description: Bring archived days back from S3 as verified CSV files
version_added: 0.1.0
description:
  - Reads the revision that counts of each day, compares it with the manifest that was written when it was archived, and only then gives the file its name.
  - A file of the same content is left as it is. One of another content is left, too, and is an error, unless O(replace) is set; then it is kept beside.
  - A day that is missing or damaged fails the task, after all good days came back; the result has a row for each day all the same.
author: The steady.fleet developers (@steady-fleet)
extends_documentation_fragment: [steady.fleet.s3_place, steady.fleet.fleetdata]
options:
  report:
    description: The report, or C(all).
    type: str
    required: true
  first:
    description: The first day, such as C(2026-01-31).
    type: str
    required: true
  last:
    description: The last day, included.
    type: str
    required: true
  into:
    description: The directory for the files. It is made if it is not there.
    type: path
    required: true
  flat:
    description: Whether all files lie directly in O(into), instead of in a directory for each report.
    type: bool
    default: false
  replace:
    description: Whether a file of another content makes way. It is kept beside, under another name.
    type: bool
    default: false
attributes:
  check_mode: {support: full, description: Reads the manifests and the directory; writes nothing.}
  diff_mode: {support: full, description: Each file that comes back.}
  idempotent: {support: full, description: A second call changes nothing.}
  platform: {support: full, platforms: linux, description: Linux.}
seealso:
  - module: steady.fleet.s3_csv_archive
  - module: steady.fleet.s3_csv_archive_info
"""

EXAMPLES = r"""
- name: Bring January back for the importer
  steady.fleet.s3_csv_restore:
    config: /etc/steady-fleet/fleetdata.json
    report: performance
    first: "2026-01-01"
    last: "2026-01-31"
    into: /var/lib/catscan/recovery
    flat: true
"""

RETURN = r"""
files:
  description: What became of each day, or in check mode would, by report and day.
  returned: always, unless nothing was begun
  type: list
  elements: dict
  contains:
    report: {description: The report., type: str}
    day: {description: The day., type: str}
    status: {description: 'C(restored), C(unchanged), C(missing), C(damaged), C(differs) or C(failed).', type: str}
    reason: {description: A sentence unless all is well., type: str}
    path: {description: 'Its file, written or not.', type: str}
    uri: {description: The object's address., type: str}
    version_id: {description: The object's version., type: str}
    revision: {description: Which revision of the day it is., type: int}
    rows: {description: Rows without the header., type: int}
    bytes: {description: Length of the CSV., type: int}
    content_sha256: {description: SHA-256 of the CSV., type: str}
    kept: {description: Where a file of another content lies now that had the name., type: str}
    changed: {description: Whether the file was written., type: bool}
  sample:
    - report: performance
      day: "2026-01-31"
      status: restored
      reason: ""
      path: /var/lib/catscan/recovery/performance-2026-01-31.csv
      uri: s3://rtbcat-csv-archive-frankfurt-123456789012/performance/2026/01/31/performance-2026-01-31.csv.gz
      version_id: "1"
      revision: 1
      rows: 1500
      bytes: 96000
      content_sha256: 0000000000000000000000000000000000000000000000000000000000000000
      kept: ""
      changed: true
summary:
  description: Days by status, and how many rows and bytes came back.
  returned: always, unless nothing was begun
  type: dict
  sample: {files: 1, restored: 1, unchanged: 0, missing: 0, damaged: 0, differs: 0, failed: 0, rows: 1500, bytes: 96000, dry_run: false}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import archive_options
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import answers, findings, restore
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.folder import Folder
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import connect


def run(module: AnsibleModule) -> answers.Answer:
    """Restore, or in check mode say what that would do. Raises FleetDataError."""
    params = module.params
    archive = archive_options.archive(params)
    into = Folder(path=params["into"], flat=params["flat"], replace=params["replace"])
    wanted = archive_options.wanted(params, archive)
    results = restore.restore(store=connect(archive=archive), archive=archive, wanted=wanted, into=into, check=module.check_mode)
    return findings.restored(results, into=into.path, check=module.check_mode)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **archive_options.ARGUMENTS,
            "report": {"type": "str", "required": True},
            "first": {"type": "str", "required": True},
            "last": {"type": "str", "required": True},
            "into": {"type": "path", "required": True},
            "flat": {"type": "bool", "default": False},
            "replace": {"type": "bool", "default": False},
        },
        required_one_of=archive_options.REQUIRED_ONE_OF,
        supports_check_mode=True,
    )
    archive_options.conclude(module, run)


if __name__ == "__main__":
    main()
