#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archive CSV reports in S3 and prove each one by reading it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_csv_archive
short_description: Archive CSV reports in S3 and prove each one by reading it back
version_added: 0.1.0
description:
  - Checks each file against what its report type declares, compresses it, writes it under the key of its day unless there is an object, reads it back,
    compares SHA-256 and length of content and object, and then writes a manifest beside it. The day comes from the content.
  - Nothing in the archive is ever overwritten or deleted. The same content again is C(unchanged). Another content for an archived day is a
    C(conflict), or with O(revisions) the day's next revision. A file that is not what its report type declares is C(quarantined).
  - A conflict or a quarantined file fails the task, after all good files were archived; the result has a row for each file all the same.
  - A run that is killed is finished by the next one.
author: The steady.fleet developers (@steady-fleet)
extends_documentation_fragment: [steady.fleet.s3_place, steady.fleet.fleetdata]
options:
  path:
    description:
      - A file, a directory with files named by O(patterns), or a pattern such as C(/srv/reports/performance-*.csv).
      - Without it, the files that the declared patterns of O(report) name, or without O(report) those of every report.
    type: path
  patterns:
    description: Names of the files in a directory.
    type: list
    elements: str
    default: ['*.csv']
  report:
    description: The report that the files are. Without it, the one whose declared pattern names a file.
    type: str
  revisions:
    description: Whether another content for an archived day is kept beside it as its next revision, which then counts; false unless said.
    type: bool
  compression:
    description: C(fast), or C(small), which is about ten times as slow and a sixth smaller; C(fast) unless said.
    type: str
    choices: [fast, small]
  settle_seconds:
    description: How long a file must not have changed; 0 unless said.
    type: float
  delete_source:
    description: Whether a file is deleted once its archive is proved; false unless said.
    type: bool
  quarantine:
    description: An absolute directory that files are moved to which cannot be archived. They stay where they are unless said.
    type: str
attributes:
  check_mode: {support: full, description: Reads and checks the files and asks S3 what is there; writes nothing.}
  diff_mode: {support: full, description: 'For each file that is, or would be, archived or deleted, what the archive and the directory hold before and after.'}
  idempotent: {support: full, description: A second call changes nothing.}
  platform: {support: full, platforms: linux, description: Linux.}
seealso:
  - module: steady.fleet.s3_csv_archive_info
  - module: steady.fleet.s3_csv_restore
"""

EXAMPLES = r"""
- name: Archive what has come, as the host's archive is declared
  steady.fleet.s3_csv_archive:
    config: /etc/steady-fleet/fleetdata.json

- name: Archive the reports of one folder and delete what is proved
  steady.fleet.s3_csv_archive:
    path: /srv/reports
    patterns: ['performance-*.csv']
    bucket: rtbcat-csv-archive-frankfurt-123456789012
    region: eu-central-1
    report: performance
    report_type:
      columns: [Day, Country, Impressions]
      day_column: Day
    delete_source: true
"""

RETURN = r"""
files:
  description: What became of each file, or in check mode would, by report and path.
  returned: always, unless nothing was begun
  type: list
  elements: dict
  contains:
    path: {description: The file., type: str}
    report: {description: Its report., type: str}
    status: {description: 'C(uploaded), C(unchanged), C(conflict), C(quarantined), C(damaged) or C(failed).', type: str}
    reason: {description: A sentence unless all is well., type: str}
    uri: {description: The object's address., type: str}
    version_id: {description: The object's version; empty in a bucket without versions., type: str}
    revision: {description: Which revision of its day it is; 0 for none., type: int}
    day: {description: The day that it is archived under., type: str}
    rows: {description: Rows without the header., type: int}
    first_day: {description: The first day of its rows; null without any., type: str}
    last_day: {description: The last day of its rows; null without any., type: str}
    bytes: {description: Length of the CSV., type: int}
    content_sha256: {description: SHA-256 of the CSV., type: str}
    object_bytes: {description: Length of the object., type: int}
    object_sha256: {description: SHA-256 of the object., type: str}
    changed: {description: Whether S3 or the file's directory changed., type: bool}
    deleted: {description: Whether the file was deleted., type: bool}
  sample:
    - path: /srv/reports/performance-2026-01-31.csv
      report: performance
      status: uploaded
      reason: ""
      uri: s3://rtbcat-csv-archive-frankfurt-123456789012/performance/2026/01/31/performance-2026-01-31.csv.gz
      version_id: "1"
      revision: 1
      day: "2026-01-31"
      rows: 1500
      first_day: "2026-01-31"
      last_day: "2026-01-31"
      bytes: 96000
      content_sha256: 0000000000000000000000000000000000000000000000000000000000000000
      object_bytes: 24000
      object_sha256: 0000000000000000000000000000000000000000000000000000000000000000
      changed: true
      deleted: false
summary:
  description: Files by status, and how many rows and bytes were archived.
  returned: always, unless nothing was begun
  type: dict
  sample:
    files: 1
    uploaded: 1
    unchanged: 0
    conflict: 0
    quarantined: 0
    damaged: 0
    failed: 0
    deleted: 0
    rows: 1500
    bytes: 96000
    object_bytes: 24000
    dry_run: false
"""

import datetime
import socket
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import archive_options
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import answers, model, sources
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.archive import archive_files
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import connect

SETTINGS = ("revisions", "compression", "settle_seconds", "delete_source", "quarantine")


def files(params: dict[str, Any], archive: model.Archive) -> list[tuple[str, str]]:
    """The files that the options name, each with its report."""
    if params["path"] is None:
        return sources.declared(archive=archive, name=params["report"] or sources.ALL)
    return sources.named(archive=archive, paths=sources.below(path=params["path"], patterns=params["patterns"]), report=params["report"])


def run(module: AnsibleModule) -> answers.Answer:
    """Archive, or in check mode say what that would do. Raises FleetDataError."""
    archive = archive_options.archive(module.params, *SETTINGS)
    outcomes = archive_files(
        store=connect(archive=archive),
        archive=archive,
        files=files(module.params, archive),
        check=module.check_mode,
        clock=lambda: datetime.datetime.now(datetime.timezone.utc),
        host=socket.gethostname(),
    )
    return answers.archived(outcomes, bucket=archive.bucket, check=module.check_mode)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **archive_options.ARGUMENTS,
            "path": {"type": "path"},
            "patterns": {"type": "list", "elements": "str", "default": ["*.csv"]},
            "report": {"type": "str"},
            "revisions": {"type": "bool"},
            "compression": {"type": "str", "choices": [model.FAST, model.SMALL]},
            "settle_seconds": {"type": "float"},
            "delete_source": {"type": "bool"},
            "quarantine": {"type": "str"},
        },
        required_one_of=archive_options.REQUIRED_ONE_OF,
        required_by=archive_options.REQUIRED_BY,
        supports_check_mode=True,
    )
    archive_options.conclude(module, run)


if __name__ == "__main__":
    main()
