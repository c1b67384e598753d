# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that comes before the roles, in one task: each task costs a fork on the controller, and each role's own validation is one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.action import ActionBase
from ansible_collections.steady.fleet.plugins.plugin_utils import refusal, role_arguments

ROLES = os.path.join(os.path.dirname(__file__), "..", "..", "roles")
FACTS = frozenset({"distribution", "memtotal_mb"})  # of the two subsets that the roles use


class ActionModule(ActionBase):  # type: ignore[misc]
    """Refuse, connect, know."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with every problem at once, before the host is asked anything."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        host = str(variables.get("inventory_hostname", "this host"))
        problems = [*(self._task.args.get("refuse") or []), *self._judge(list(self._task.args.get("roles") or []), variables)]
        refusal.refuse(problems, host=host)
        try:
            return self._know(variables)
        except AnsibleConnectionFailure as error:
            raise AnsibleActionFail(_unreachable(host, variables, str(error))) from None

    def _judge(self, roles: Sequence[str], variables: Mapping[str, Any]) -> list[str]:
        specifications = {role: role_arguments.options_of(_load(role)) for role in roles}
        found = list(role_arguments.unknown(specifications, variables))
        if found:
            found[-1] += ". Correct the spelling in group_vars; the names are in roles/<role>/README.md"
        for role, options in specifications.items():
            if role_arguments.is_declared(options, variables):
                found += self._judge_role(role, options, variables)
        return found

    def _judge_role(self, role: str, options: role_arguments.Options, variables: Mapping[str, Any]) -> Iterator[str]:
        arguments = self._templar.template({name: variables[name] for name in options if name in variables})
        wrong = role_arguments.problems(options, arguments)
        if wrong:
            yield f"role {role}: {'; '.join(wrong)}. Correct that in group_vars; roles/{role}/README.md says what it takes"

    def _know(self, variables: dict[str, Any]) -> dict[str, Any]:
        # Costs no Python start on the host, unlike ping, and says why a host cannot be reached, unlike a module whose payload finds no reader.
        self._low_level_execute_command("exit 0", sudoable=False)
        if variables.get("ansible_facts", {}).keys() >= FACTS:
            return {"changed": False}
        subset = {"gather_subset": ["!all", "hardware"]}
        result: dict[str, Any] = self._execute_module(module_name="ansible.builtin.setup", module_args=subset, task_vars=variables)
        return result


def _load(role: str) -> Any:
    with open(os.path.join(ROLES, role, "meta", "argument_specs.yml"), encoding="utf-8") as stream:
        return yaml_load(stream)  # Ansible's own loader costs ten times as much, for line numbers that nobody needs here


def _unreachable(host: str, variables: Mapping[str, Any], error: str) -> str:
    address, port = variables.get("ansible_host") or host, variables.get("ansible_port") or 22
    return (
        f"{host} cannot be reached at {address} port {port}, so nothing was changed on it: {re.sub('^Task failed: ', '', error.strip())}. Check that the"
        " instance runs and has passed its status checks, that its security group admits your address, and that your key is the one of the instance;"
        " then run again."
    )
