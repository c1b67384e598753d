# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write variables as an environment file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.steady.fleet.plugins.module_utils import release_environment

DOCUMENTATION = r"""
name: environment_file
short_description: Variables as the text of an environment file
version_added: 0.1.0
description:
  - Gives the lines C(NAME="value"), sorted, quoted so that systemd's C(EnvironmentFile=) and a POSIX shell read back exactly the value.
  - Refuses names that are no variable names, and values that such a file cannot hold (line breaks, control characters).
author: The steady.fleet developers (@steady-fleet)
options:
  _input:
    description: Variables and their values, text or numbers.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the text of an environment file
  ansible.builtin.debug:
    msg: "{{ {'LOG_LEVEL': 'info', 'GREETING': 'hello # world'} | steady.fleet.environment_file }}"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""


def environment_file(variables: Mapping[str, object]) -> str:
    """Return the file's text. An error names the variable and never its value."""
    if not isinstance(variables, Mapping):
        raise AnsibleFilterError("environment_file needs a dictionary of variables")
    try:
        return release_environment.render(variables)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[[Mapping[str, object]], str]]:
        return {"environment_file": environment_file}
