#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is archived in S3, day by day."""

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_csv_archive_info
short_description: What is archived in S3, day by day
version_added: 0.1.0
description:
  - Lists the archived days and their revisions from their manifests, and what is odd about them.
  - With O(verify) the objects are read back and compared with their manifests; what is damaged or missing fails the task.
author: The steady.fleet developers (@steady-fleet)
extends_documentation_fragment: [steady.fleet.s3_place, steady.fleet.fleetdata]
options:
  report:
    description: The report, or C(all).
    type: str
    default: all
  first:
    description: The first day, such as C(2026-01-31). As far back as the archive goes unless said.
    type: str
  last:
    description: The last day, included. As far as the archive goes unless said.
    type: str
  verify:
    description: Whether to read the objects back.
    type: bool
    default: false
attributes:
  check_mode: {support: full, description: Only reads.}
  diff_mode: {support: none, description: Only reads.}
  idempotent: {support: full, description: Only reads.}
  platform: {support: full, platforms: linux, description: Linux.}
seealso:
  - module: steady.fleet.s3_csv_archive
  - module: steady.fleet.s3_csv_restore
"""

EXAMPLES = r"""
- name: Look at January
  steady.fleet.s3_csv_archive_info:
    config: /etc/steady-fleet/fleetdata.json
    first: "2026-01-01"
    last: "2026-01-31"
  register: january

- name: See that no day is missing
  ansible.builtin.assert:
    that: january.summary.days == 3 * 31
"""

RETURN = r"""
files:
  description: Each revision of each day, by report, day and revision.
  returned: always, unless S3 could not be asked
  type: list
  elements: dict
  contains:
    report: {description: The report., type: str}
    day: {description: The day., type: str}
    revision: {description: Which revision of the day it is., type: int}
    status:
      description: C(counts) for the one that counts of its day, C(superseded) for others that were proved, else what is odd about it, such as C(lost).
      type: str
    reason: {description: A sentence about what is odd., type: str}
    uri: {description: The object's address., type: str}
    version_id: {description: The object's version; empty in a bucket without versions., type: str}
    rows: {description: Rows without the header., type: int}
    first_day: {description: The first day of its rows; null without any., type: str}
    last_day: {description: The last day of its rows; null without any., type: str}
    bytes: {description: Length of the CSV., type: int}
    content_sha256: {description: SHA-256 of the CSV., type: str}
    object_bytes: {description: Length of the object., type: int}
    object_sha256: {description: SHA-256 of the object., type: str}
    archived_at: {description: When it was archived and proved (UTC)., type: str}
  sample:
    - report: performance
      day: "2026-01-31"
      revision: 1
      status: counts
      reason: ""
      uri: s3://rtbcat-csv-archive-frankfurt-123456789012/performance/2026/01/31/performance-2026-01-31.csv.gz
      version_id: "1"
      rows: 1500
      first_day: "2026-01-31"
      last_day: "2026-01-31"
      bytes: 96000
      content_sha256: 0000000000000000000000000000000000000000000000000000000000000000
      object_bytes: 24000
      object_sha256: 0000000000000000000000000000000000000000000000000000000000000000
      archived_at: "2026-02-01T08:00:12Z"
oddities:
  description: A sentence for everything that should not be.
  returned: always, unless S3 could not be asked
  type: list
  elements: str
  sample: []
summary:
  description: Archived days, their revisions, and the rows and bytes of those that count.
  returned: always, unless S3 could not be asked
  type: dict
  sample: {days: 1, revisions: 1, oddities: 0, rows: 1500, bytes: 96000, object_bytes: 24000}
verified:
  description: What was read back, with a row for each object or fault.
  returned: when O(verify) is set
  type: dict
  sample: {summary: {days: 1, objects: 1, rows: 1500, bytes: 96000, object_bytes: 24000, faults: 0}, files: []}
"""

import dataclasses

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import archive_options
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import answers, findings, verify
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.catalogue import catalogue
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import connect


def run(module: AnsibleModule) -> answers.Answer:
    """What is archived, and with ``verify`` whether all of it can be read back. Raises FleetDataError."""
    archive = archive_options.archive(module.params)
    store, wanted = connect(archive=archive), archive_options.wanted(module.params, archive)
    found = [catalogue(store=store, archive=archive, report=report, first=wanted.first, last=wanted.last) for report in wanted.reports]
    listed = findings.listed(found, bucket=archive.bucket)
    said = {"oddities": list(listed.problems)}
    if not module.params["verify"]:
        return dataclasses.replace(listed, more=said)
    checked = findings.verified(verify.verify(store=store, archive=archive, wanted=wanted), bucket=archive.bucket)
    verified = {"summary": dict(checked.summary), "files": list(checked.files)}
    return dataclasses.replace(checked, summary=listed.summary, files=listed.files, more={**said, "verified": verified})


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **archive_options.ARGUMENTS,
            "report": {"type": "str", "default": "all"},
            "first": {"type": "str"},
            "last": {"type": "str"},
            "verify": {"type": "bool", "default": False},
        },
        required_one_of=archive_options.REQUIRED_ONE_OF,
        supports_check_mode=True,
    )
    archive_options.conclude(module, run)


if __name__ == "__main__":
    main()
