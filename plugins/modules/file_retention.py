#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete files by age, count and size, and only those that may go."""

from __future__ import annotations

DOCUMENTATION = r"""
module: file_retention
short_description: Delete files by age, count and size, and only those that may go
version_added: 0.1.0
description:
  - Deletes what declared rules let go of folders, such as transcripts, logs, releases and local backups. Each rule is as in the role
    P(steady.fleet.file_retention#role), which explains its settings.
  - What is in use stays, as do the last good ones of each series, what is not proved, and what changed since it was looked at.
  - A rule of which too much would go (O(max_share)), whose folder cannot be read whole, or against which the clock speaks, deletes nothing and fails the task
    after the other rules did their work.
  - No symbolic link is followed, no other filesystem entered.
author: The steady.fleet developers (@steady-fleet)
options:
  config:
    description: The configuration of the command C(fleetdata). Its part C(files) has the rules, and its archive proves files of C(proof=archived).
    type: path
    default: /etc/steady-fleet/fleetdata.json
  names:
    description: The rules to apply, by name. All of them unless said.
    type: list
    elements: str
    default: []
  rules:
    description: Rules by name, in place of those of the configuration.
    type: dict
  max_share:
    description: The largest part, 0 to 1, of the files of a rule and of their bytes that this run may delete, in place of the rules' own.
    type: float
attributes:
  check_mode: {support: full, description: 'Proves, too, so the plan of a check is the plan of a run.'}
  diff_mode: {support: full, description: 'Each file that goes, why, and what proves it.'}
  idempotent: {support: full, description: A second run changes nothing.}
  platform: {support: full, platforms: linux, description: Linux.}
"""

EXAMPLES = r"""
- name: Delete what the host's rules let go
  steady.fleet.file_retention:

- name: Keep seven nightly dumps of each database
  steady.fleet.file_retention:
    rules:
      dumps:
        folder: /var/backups/shop
        patterns: ["*.sql.gz"]
        file_day: '(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})'
        series: '^(.+)-\d{4}-\d{2}-\d{2}'
        keep_last: 7
        proof: none
        acknowledged: Operations, the dumps are copied to another region every night
"""

RETURN = r"""
files:
  description: Each file, or directory, that was to go.
  returned: always, unless nothing was begun
  type: list
  elements: dict
  contains:
    rule: {description: The rule., type: str}
    path: {description: The file., type: str}
    status:
      description:
        - C(deleted) or in check mode C(planned); C(taken_back) for a directory that a killed run had renamed; or why it stays, C(in_use), C(changed) or
          C(stopped).
      type: str
    day: {description: The day by which its age was told., type: str}
    bytes: {description: What the disk has back; 0 for a file that has another name elsewhere., type: int}
    why: {description: Why it goes., type: str}
    proof: {description: What proves the files of its rule., type: str}
    uri: {description: Where its proof is., type: str}
    version_id: {description: The version of the object that proves it., type: str}
    sha256: {description: SHA-256 of its content where that was read., type: str}
    reason: {description: A sentence about why it stays., type: str}
    code: {description: What the command would end with for it., type: int}
  sample:
    - rule: dumps
      path: /var/backups/shop/orders-2026-01-31.sql.gz
      status: deleted
      day: "2026-01-31"
      bytes: 4096
      why: not among the last 7
      proof: none
      uri: ""
      version_id: ""
      sha256: ""
      reason: ""
      code: 0
refused:
  description: Why nothing of a rule was deleted, by rule.
  returned: always, unless nothing was begun
  type: dict
  sample: {}
notices:
  description: What else there is to know.
  returned: always, unless nothing was begun
  type: list
  elements: str
  sample: []
summary:
  description: Files that went and bytes that the disk has back, and how many stay and why.
  returned: always, unless nothing was begun
  type: dict
  sample: {files: 1, bytes: 4096, in_use: 0, changed: 0, stopped: 0, refused: 0, dry_run: false}
"""

import datetime
import os
import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import archive_options
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import config, configuration, settings
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.answers import Answer
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention import actions, rules, run, told
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import connect


def act(module: AnsibleModule) -> Answer:
    """Prune, or in check mode say what that would do. Raises FleetDataError."""
    path, said = module.params["config"], module.params["rules"]
    declared = configuration.load(path) if said is None or os.path.exists(path) else configuration.Configuration(path=path)
    part = declared.part(configuration.FILES) if said is None else configuration.Part(data=said, where="rules")
    known = rules.parse_all(part.data, part.where)
    share = module.params["max_share"]
    try:
        chosen = actions.chosen(known, module.params["names"], max_share=None if share is None else settings.share(share))
    except ValueError as error:
        raise ConfigurationError(f"max_share: {error}.") from None
    context = run.Context(
        archive=lambda: (declared.archive, connect(archive=declared.archive)),
        clock=lambda: datetime.datetime.now(datetime.timezone.utc),
        host=socket.gethostname(),
    )
    return told.pruned(run.prune(rules=chosen, context=context, check=module.check_mode), check=module.check_mode)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "config": {"type": "path", "default": config.DEFAULT_PATH},
            "names": {"type": "list", "elements": "str", "default": []},
            "rules": {"type": "dict"},
            "max_share": {"type": "float"},
        },
        supports_check_mode=True,
    )
    archive_options.conclude(module, act)


if __name__ == "__main__":
    main()
