#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command that must succeed, unless it did so lately with the same files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: command_gate
short_description: Have a command succeed on the host, again when what it judges has changed or its success is old
version_added: 0.1.0
description:
  - Runs a command that only judges, such as one that tries what the host's credentials may do, and fails with what it said.
  - A success is remembered on the host (C(/var/lib/steady-fleet/gates)). It counts for O(hours) and as long as O(command) and what O(watch) names stay as
    they are.
  - As one of the C(gates) of M(steady.fleet.host_state) it costs no call of its own where it has nothing to do.
author: The steady.fleet developers (@steady-fleet)
options:
  name: {description: 'Under which its success is remembered: small letters, digits, C(-) and C(_).', type: str, required: true}
  host: {description: 'The host as people know it, for messages.', type: str, default: this host}
  command: {description: The program by its absolute path and its arguments. No shell reads it., type: list, elements: str, required: true}
  watch: {description: Files and links. Another content or target makes the command run again., type: list, elements: str, default: []}
  hours: {description: How long a success counts., type: float, default: 24.0}
  timeout: {description: Seconds that the command may take., type: float, default: 300.0}
attributes:
  check_mode: {support: full, description: 'Does not run the command, and predicts no change, as there is none.'}
  diff_mode: {support: none, description: It changes nothing.}
  idempotent: {support: full, description: A success is no change.}
  platform: {support: full, platforms: linux, description: Any host with Python.}
"""

EXAMPLES = r"""
- name: Have the archive checked daily, and whenever its configuration changes
  steady.fleet.command_gate:
    name: fleetdata
    command: [/usr/local/bin/fleetdata, check]
    watch: [/etc/steady-fleet/fleetdata.json, /opt/fleetdata/current]
"""

RETURN = r"""
ran: {description: Whether the command had to run., returned: success, type: bool, sample: false}
"""

import re
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import command_gate


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "host": {"type": "str", "default": "this host"},
            "command": {"type": "list", "elements": "str", "required": True},
            "watch": {"type": "list", "elements": "str", "default": []},
            "hours": {"type": "float", "default": 24.0},
            "timeout": {"type": "float", "default": 300.0},
        },
        supports_check_mode=True,
    )
    gate = command_gate.Gate(**{name: value for name, value in module.params.items() if name != "host"})
    if not re.fullmatch(r"[a-z0-9_-]+", gate.name) or not gate.command:
        module.fail_json(msg=f"{gate.name!r} is no name of small letters, digits, - and _, or its command is empty")
    due = not command_gate.is_settled(gate, now=time.time())
    try:
        if due and not module.check_mode:
            command_gate.run(gate, now=time.time())
    except command_gate.CommandError as error:
        module.fail_json(msg=f"{module.params['host']}: {error}")
    module.exit_json(changed=False, ran=due and not module.check_mode)


if __name__ == "__main__":
    main()
