# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an empty host would get back, as S3 tells the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
name: recovery_prospect
short_description: What an empty host would get back from its buckets
version_added: 0.1.0
description:
  - Lists the buckets of a host's archive and backups on the controller, with its AWS credentials, and reads manifests. No object is read, nothing is written,
    and the host need not be there.
author: The steady.fleet developers (@steady-fleet)
options:
  _terms:
    description: None.
  archive:
    description: The archive, as the role P(steady.fleet.s3_archive#role) writes it.
    type: dict
    required: true
  importer:
    description: The application's importer, as the role P(steady.fleet.recovery_drill#role) writes it. Empty without any.
    type: dict
    default: {}
  backups:
    description: The backups, as the role P(steady.fleet.sqlite_backup#role) writes them. Empty without any.
    type: dict
    default: {}
  last_days:
    description: Days before today that are looked at.
    type: int
    default: 90
"""

EXAMPLES = r"""
- name: Say what would come back
  ansible.builtin.debug:
    msg: "{{ lookup('steady.fleet.recovery_prospect', archive=my_archive, importer=my_importer, backups=my_backups) }}"
"""

RETURN = r"""
_raw:
  description: >-
    One dictionary. C(backups) has C(name), C(stamp), C(moment) and C(counts) (rows by table) of the newest backup of each database, or the C(reason) why there
    is none to restore. C(days) has each C(day) that was archived since, with its C(counts). C(problem) is why S3 could not tell, empty when it could.
  type: list
  elements: dict
"""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import config
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup import settings
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.drill import rules
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.drill.prospect import prospect
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import FleetDataError, StoreError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import connect


class LookupModule(LookupBase):  # type: ignore[misc]
    """One dictionary, whatever S3 says."""

    def run(self, terms: Sequence[Any], variables: Mapping[str, Any] | None = None, **options: Any) -> list[dict[str, Any]]:
        """Return it. Raises AnsibleError for what is declared wrongly."""
        del terms  # all is named
        self.set_options(var_options=variables, direct=options)
        try:
            archive = config.parse(self.get_option("archive"), "archive")
            backups = settings.parse(self.get_option("backups"), "backups") if self.get_option("backups") else None
            found = prospect(
                archive=archive,
                reports=connect(archive=archive),
                application=rules.parse_importer(self.get_option("importer"), "importer"),
                last_days=self.get_option("last_days"),
                today=datetime.datetime.now(datetime.UTC).date(),
                backups=backups,
                copies=connect(archive=backups.archive) if backups else None,
            )
        except StoreError as error:
            return [{"backups": [], "days": [], "problem": str(error)}]
        except FleetDataError as error:
            raise AnsibleError(str(error)) from None
        return [{"backups": [dataclasses.asdict(one) for one in found.backups], "days": [dataclasses.asdict(day) for day in found.days], "problem": ""}]
