#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declare archived reports to Athena."""

from __future__ import annotations

DOCUMENTATION = r"""
module: athena_archive_tables
short_description: Declare archived reports to Athena
version_added: 0.3.0
description:
  - Makes a database in the Glue Data Catalog, and for each report a view with the rows of each day's counting revision, over two tables that read the archive
    where it lies. Partitions are projected, so none has to be added when a day comes.
  - The tables C(<report>_objects) and C(<report>_manifests) hold everything that lies there, superseded and damaged revisions too. Ask the view C(<report>).
  - Names have small letters, digits and C(_); every other character becomes C(_). All columns are strings.
  - Tables that are not declared stay. One of a declared name that somebody else made is an error.
  - The library reads and plans once, then prints that plan (check mode, diff) or applies it and reads again.
author: The steady.fleet developers (@steady-fleet)
requirements: [boto3]
options:
  database:
    description: Name of the database. Small letters, digits and C(_).
    type: str
    required: true
  bucket:
    description: The archive's bucket.
    type: str
    required: true
  key:
    description: Template of an object's key, with the archive's prefix; every day must have a folder of its own.
    type: str
    default: '{report}/{yyyy}/{mm}/{dd}/{report}-{day}.csv.gz'
  reports:
    description: Report types by name, as the role C(s3_archive) declares them; C(columns) is needed, and C(first_day) and C(delimiter) are used.
    type: dict
    required: true
  first_day:
    description: The first day of reports that declare none. A query without a condition on C(archive_day) lists a folder for each day since.
    type: str
    default: '2020-01-01'
  region:
    description: Its region. By default the region that boto3 is configured for.
    type: str
  endpoint_url:
    description: An address of Glue other than AWS's own. By default that of the environment variable C(AWS_ENDPOINT_URL), if any.
    type: str
  tags:
    description: Tags of the database when it is made.
    type: dict
    default: {}
attributes:
  check_mode: {support: full, description: The plan of a check is the plan of a run.}
  diff_mode: {support: full, description: 'Each table that differs, before and after.'}
  idempotent: {support: full, description: A second call plans nothing.}
  platform: {support: full, platforms: posix, description: Where boto3 and credentials are.}
"""

EXAMPLES = r"""
- name: Declare archived reports to Athena
  steady.fleet.athena_archive_tables:
    database: catscan_archive
    bucket: rtbcat-csv-archive-frankfurt-123456789012
    key: '{report}/{yyyy}/{mm}/{dd}/catscan-{report}-{day}.csv.gz'
    reports:
      performance:
        columns: [Day, Creative ID, Impressions]
        first_day: '2026-01-01'
"""

RETURN = r"""
tables: {description: 'Names of all declared tables and views.', returned: success, type: list, elements: str, sample: [performance]}
plan:
  description: What differed.
  returned: success
  type: list
  elements: dict
  contains:
    table: {description: Its name; empty for the database., type: str}
    before: {description: As it was; null where there was none., type: dict}
    after: {description: As it is declared., type: dict}
"""

import json
import traceback
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.steady.fleet.plugins.module_utils import archive_tables
from ansible_collections.steady.fleet.plugins.module_utils.archive_tables import Report, Tables, TablesError

try:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    MISSING = ""
except ImportError:
    MISSING = traceback.format_exc()

ARGUMENTS: dict[str, Any] = {
    "database": {"type": "str", "required": True},
    "bucket": {"type": "str", "required": True},
    "key": {"type": "str", "default": "{report}/{yyyy}/{mm}/{dd}/{report}-{day}.csv.gz", "no_log": False},  # of objects
    "reports": {"type": "dict", "required": True},
    "first_day": {"type": "str", "default": "2020-01-01"},
    "region": {"type": "str"},
    "endpoint_url": {"type": "str"},
    "tags": {"type": "dict", "default": {}},
}


def declared(asked: dict[str, Any]) -> Tables:
    """What the parameters declare."""
    reports = tuple(
        Report(
            name=str(name),
            columns=tuple(report.get("columns", ())),
            first_day=str(report.get("first_day") or asked["first_day"]),
            delimiter=report.get("delimiter", ","),
        )
        for name, report in asked["reports"].items()
    )
    tags = {str(name): str(value) for name, value in asked["tags"].items()}
    return Tables(database=asked["database"], bucket=asked["bucket"], key=asked["key"], reports=reports, tags=tags)


def converge(module: AnsibleModule, asked: dict[str, Any]) -> dict[str, Any]:
    """Plan and, outside check mode, apply. Raises TablesError, BotoCoreError or ClientError."""
    tables = declared(asked)
    client = boto3.client("glue", region_name=asked["region"] or None, endpoint_url=asked["endpoint_url"] or None)
    there, found = archive_tables.observe(client=client, declared=tables)
    changes = archive_tables.plan(declared=tables, database=there, found=found)
    if changes and not module.check_mode:
        archive_tables.apply(client=client, declared=tables, changes=changes)
    return {
        "changed": bool(changes),
        "tables": sorted(archive_tables.wanted(tables)),
        "plan": [asdict(change) for change in changes],
        "diff": [_diff(tables.database, change) for change in changes],
    }


def _diff(database: str, change: archive_tables.Change) -> dict[str, str]:
    name = ".".join(filter(None, (database, change.table)))
    before, after = ("" if value is None else json.dumps(value, indent=1, sort_keys=True) + "\n" for value in (change.before, change.after))
    return {"before_header": name, "after_header": name, "before": before, "after": after}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if MISSING:
        module.fail_json(msg=missing_required_lib("boto3"), exception=MISSING)
    database = module.params["database"]
    try:
        answer = converge(module, dict(module.params))
    except TablesError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json(
            msg=f"Database {database}: Glue cannot be asked or changed: {error} Check the credentials (AWS_PROFILE; they need glue:GetDatabase, glue:GetTables,"
            f" glue:CreateDatabase, glue:CreateTable, glue:UpdateTable), the region and the network. Another run goes on from there."
        )
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
