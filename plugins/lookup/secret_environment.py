# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read an application's secret environment from AWS Secrets Manager, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
name: secret_environment
short_description: The secret environment variables of an application, from AWS Secrets Manager
version_added: 0.1.0
description:
  - Reads each named secret once, on the controller, with its AWS credentials and region.
  - A secret or key that is missing is an error that names it and the command to make it. No value is ever part of an error.
author: The steady.fleet developers (@steady-fleet)
options:
  _terms:
    description: >-
      Dictionaries with C(secret) (its name), C(keys) (variable to key in the secret's JSON object) and, if it is not the controller's
      own, C(region).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Say which variables there are
  ansible.builtin.debug:
    msg: "{{ lookup('steady.fleet.secret_environment', {'secret': 'catscan/prod', 'keys': {'API_TOKEN': 'api_token'}}) | list }}"
"""

RETURN = r"""
_raw:
  description: One dictionary of variables and their values.
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.steady.fleet.plugins.plugin_utils import release_aws


class LookupModule(LookupBase):  # type: ignore[misc]
    """One dictionary for all terms."""

    def run(self, terms: Sequence[Mapping[str, Any]], variables: object = None, **_options: object) -> list[dict[str, str]]:
        del variables  # Templar hands them over by this name; none is needed.
        try:
            return [release_aws.environment_of_secrets(terms)]
        except release_aws.AwsError as error:
            raise AnsibleError(str(error)) from None
