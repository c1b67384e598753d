#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete old rows of SQLite databases, each after it was read back from S3."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sqlite_retention
short_description: Delete old rows of SQLite databases, each after it was read back from S3
version_added: 0.1.0
description:
  - Rows that are older than their table's rule says are written to S3 as canonical CSV, below C(_rows/<name>/) beside the archived reports, read back,
    and then deleted in small transactions, each row only while it still is what was read back.
  - A day of which anything is not proved stops, and no other. A table of which more than O(max_share) would go, or that cannot be deleted from safely, is
    refused. Either fails the task, after everything else was done; the result has a row for each day all the same.
  - Run as root, it works as the owner of the database. A run that is killed is finished by the next one.
author: The steady.fleet developers (@steady-fleet)
extends_documentation_fragment: steady.fleet.s3_place
options:
  config:
    description:
      - A file on the host that declares the archive, such as C(/etc/steady-fleet/fleetdata.json), which the role P(steady.fleet.s3_archive#role) writes.
      - The folder beside it, C(fleetdata.d), declares the databases; the role P(steady.fleet.sqlite_retention#role) does.
      - What other options say takes their place.
      - Without it, O(bucket), O(region), O(name), O(database) and O(tables) are required.
    type: path
  name:
    description: What the database is called in the archive. Without it, and without O(database), all that are declared.
    type: str
  database:
    description: The database's file. Then O(name) and O(tables) are required, and no other declared database is looked at.
    type: path
  tables:
    description: The rules by table, with the keys that the role P(steady.fleet.sqlite_retention#role) knows.
    type: dict
  idle_days:
    description: How old the newest row, and the last write to O(database), may be before the clock is doubted; 30 unless said.
    type: int
  busy_seconds:
    description: How long others that hold O(database) are waited for; 60 unless said.
    type: float
  vacuum_share:
    description: The unused part of O(database) that makes writing it anew worth it; 0.25 unless said.
    type: float
  vacuum_from:
    description: The hour, in UTC, from which it may be written anew.
    type: int
  vacuum_to:
    description: The hour, in UTC, until which it may be written anew. Never, unless it differs from O(vacuum_from).
    type: int
  max_share:
    description: The largest part of a table that this task may delete, above 0 and 1 at most, instead of what its rule says.
    type: float
attributes:
  check_mode: {support: full, description: Reads the databases and says what would go; that very plan is what a run follows.}
  diff_mode: {support: full, description: 'The days of each table that lose rows, before and after.'}
  idempotent: {support: full, description: A second call on the same day deletes nothing.}
  platform: {support: full, platforms: linux, description: Linux.}
seealso:
  - module: steady.fleet.s3_csv_archive
"""

EXAMPLES = r"""
- name: Delete what is old enough, as the host's retention is declared
  steady.fleet.sqlite_retention:
    config: /etc/steady-fleet/fleetdata.json

- name: Delete old rows of one database, more than usual this time
  steady.fleet.sqlite_retention:
    name: shop
    database: /var/lib/shop/shop.db
    tables:
      events: {day_column: at, day_format: epoch_ms, keep_days: 30}
      orders: {keep: forever}
    max_share: 0.6
    bucket: shop-archive-123456789012
    region: eu-central-1
"""

RETURN = r"""
files:
  description: What became of each day of each table, or in check mode would; and a row for each table, or whole database, that is refused.
  returned: always, unless nothing was begun
  type: list
  elements: dict
  contains:
    database: {description: The database's name., type: str}
    table: {description: The table; empty when the whole database is refused., type: str}
    day: {description: The day; empty for what is refused., type: str}
    status: {description: 'C(planned), C(deleted), C(stopped) or C(refused).', type: str}
    reason: {description: A sentence unless all went., type: str}
    rows: {description: Rows that were to go., type: int}
    deleted: {description: Rows that went., type: int}
    bytes: {description: 'Length of their values, as text.', type: int}
    proof: {description: 'C(rows), C(report) or C(none).', type: str}
    uri: {description: The object that the rows were read back from last., type: str}
    version_id: {description: Its version; empty in a bucket without versions., type: str}
    revision: {description: Which revision of its day it is; 0 for none., type: int}
    sha256: {description: SHA-256 of its CSV., type: str}
  sample:
    - database: catscan
      table: rtb_daily
      day: "2026-01-31"
      status: deleted
      reason: ""
      rows: 1500
      deleted: 1500
      bytes: 96000
      proof: rows
      uri: s3://rtbcat-csv-archive-frankfurt-123456789012/_rows/catscan/rtb_daily/2026/01/31/rtb_daily-2026-01-31.csv.gz
      version_id: "1"
      revision: 1
      sha256: 0000000000000000000000000000000000000000000000000000000000000000
summary:
  description: Totals; C(rows) and C(days) went, or would go.
  returned: always, unless nothing was begun
  type: dict
  sample: {databases: 1, days: 1, rows: 1500, bytes: 96000, unproved: 0, stopped: 0, refused: 0, left: 0, freed: 0, dry_run: false}
notices:
  description: What else there is to know, such as a missing index, what became of the space, and what goes without a proof.
  returned: always, unless nothing was begun
  type: list
  elements: str
without_proof:
  description: 'Each table whose rows go without a proof, how many, and who acknowledged that.'
  returned: always, unless nothing was begun
  type: list
  elements: dict
  sample: [{database: catscan, table: events, rows: 0, acknowledged: 'Ops: debug events, nobody needs them later'}]
"""

import datetime
import socket
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import archive_options
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import answers, configuration
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import databases, rules, told
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.model import Retention
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.run import Context
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import connect

SETTINGS: dict[str, Any] = {
    "database": {"type": "path"},
    "tables": {"type": "dict"},
    "idle_days": {"type": "int"},
    "busy_seconds": {"type": "float"},
    "vacuum_share": {"type": "float"},
    "vacuum_from": {"type": "int"},
    "vacuum_to": {"type": "int"},
}
"""What declares a database in a task."""


def chosen(params: dict[str, Any]) -> list[Retention]:
    """The databases that the options declare or name. Raises ConfigurationError."""
    if params["max_share"] is not None and not 0 < params["max_share"] <= 1:
        raise ConfigurationError("max_share: must be a number above 0, and 1 at most.")
    if params["database"] is None:
        declared = databases.declared(configuration.load(params["config"]))
    else:
        said = {name: params[name] for name in SETTINGS if params[name] is not None}
        declared = rules.parse_all({params["name"]: said}, "The retention of this task")
    return databases.chosen(declared, [params["name"]] if params["name"] else [], max_share=params["max_share"])


def run(module: AnsibleModule) -> answers.Answer:
    """Delete, or in check mode say what that would do. Raises FleetDataError."""
    archive = archive_options.place(module.params)
    context = Context(
        store=connect(archive=archive),
        archive=archive,
        work="",
        host=socket.gethostname(),
        clock=lambda: datetime.datetime.now(datetime.timezone.utc),
    )
    outcomes = databases.retain_each(retentions=chosen(module.params), context=context, check=module.check_mode)
    return told.retained(outcomes, bucket=archive.bucket, check=module.check_mode)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **archive_options.WHERE,
            **SETTINGS,
            "config": {"type": "path"},
            "name": {"type": "str"},
            "max_share": {"type": "float"},
        },
        required_one_of=[("config", "bucket"), ("config", "region"), ("config", "database")],
        required_by={"database": ("name", "tables"), **{name: ("database",) for name in SETTINGS if name != "database"}},
        supports_check_mode=True,
    )
    archive_options.conclude(module, run)


if __name__ == "__main__":
    main()
