#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what runs on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Say what runs on a host
version_added: 0.1.0
description:
  - Asks systemd for units, the application for its health, and the job records for what ran, what did not, and since when. Writes nothing.
author: The steady.fleet developers (@steady-fleet)
options:
  app: {description: The application whose current release to name., type: str}
  root: {description: Where its releases lie. By default C(/opt/<app>)., type: path}
  units: {description: 'Units to ask for, by their full names.', type: list, elements: str, default: []}
  health_url: {description: 'The address of its health, as seen from the host.', type: str}
  timeout: {description: Seconds that the health request may take., type: float, default: 5.0}
attributes:
  check_mode: {support: full, description: It only reads.}
  diff_mode: {support: none, description: There is nothing to differ.}
  idempotent: {support: full, description: It only reads.}
  platform: {support: full, platforms: linux, description: Linux with systemd.}
"""

EXAMPLES = r"""
- name: See what runs
  steady.fleet.host_info:
    app: catscan
    units: [catscan-api.service]
    health_url: http://127.0.0.1:8000/health
"""

RETURN = r"""
release: {description: The current release; empty if there is none., returned: success, type: str, sample: 3f9a1c0b7d52}
releases: {description: 'All releases, oldest first, as release.json describes them.', returned: success, type: list, elements: dict}
units:
  description: The state of each unit.
  returned: success
  type: list
  elements: dict
  sample: [{name: catscan-api.service, active: active, sub: running, enabled: enabled}]
health:
  description: What the application answered. C(ok) is whether its status was 200; C(body) is its JSON, if it was JSON.
  returned: success
  type: dict
  sample: {asked: true, ok: true, status: 200, detail: '', body: {status: healthy}}
jobs:
  description:
    - How each declared job last ended and when it must have succeeded again, from the job records.
    - C(state) is C(ok), C(failed), C(partly), C(too_few), C(timeout), C(refused), C(skipped), C(waiting), C(running), C(interrupted), C(never) or C(overdue).
  returned: success
  type: list
  elements: dict
  sample:
    - job: catscan-gmail-import
      state: ok
      overdue: false
      last_success: '2026-11-22T08:00:04Z'
      expected_by: '2026-11-23T09:10:00Z'
      next_due: '2026-11-23T08:00:00Z'
      schedule: 0 8 * * *
      counts: {rows: 1500, files: 3}
"""

import json
import os
import urllib.error
import urllib.request
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import release_store
from ansible_collections.steady.fleet.plugins.module_utils.host_state import systemd
from ansible_collections.steady.fleet.plugins.module_utils.host_state.errors import StateError

JOB = "/usr/local/libexec/steady-fleet/job"


def units(names: list[str]) -> list[dict[str, str]]:
    """The state of each unit, in the order of ``names``. Raises StateError where systemd cannot be asked."""
    found = systemd.statuses(names)
    return [{"name": name, "active": found[name].active, "sub": found[name].sub, "enabled": found[name].file_state} for name in names]


def health(url: str | None, timeout: float) -> dict[str, Any]:
    """What the application answers now: asked once, as what is there is the question, not whether it will come."""
    answer: dict[str, Any] = {"asked": bool(url), "ok": False, "status": 0, "detail": "", "body": {}}
    if not url:
        return answer
    if not url.startswith(("http://", "https://")):
        return {**answer, "detail": f"{url} is not an http:// or https:// address"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as response:
            status, body = response.status, response.read(1 << 20)
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read(1 << 20)
    except OSError as error:
        return {**answer, "detail": f"{url} does not answer: {getattr(error, 'reason', error)}"}
    try:
        content = json.loads(body)
    except ValueError:
        content, detail = {}, f"{url} answers with something that is not JSON"
    else:
        detail = ""
    return {**answer, "ok": status == 200, "status": status, "detail": detail, "body": content}


def jobs(command: str = JOB) -> list[dict[str, Any]]:
    """How each declared job last ended; empty on a host without jobs. Raises StateError if the records are unreadable."""
    if not os.path.exists(command):
        return []
    try:
        found: list[dict[str, Any]] = json.loads(systemd.run(command, "status", "--json").stdout)
    except ValueError:
        raise StateError(f"{command} status --json does not print JSON. Converge the role cron_jobs again.") from None
    return found


def releases(app: str | None, root: str | None) -> tuple[str, list[dict[str, Any]]]:
    """The current release's id and all complete releases, oldest first."""
    if not app:
        return "", []
    store = release_store.read(root or f"/opt/{app}")
    return store.current or "", [asdict(r) for r in sorted(store.records.values(), key=lambda r: (r.built_at, r.id))]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "str"},
            "root": {"type": "path"},
            "units": {"type": "list", "elements": "str", "default": []},
            "health_url": {"type": "str"},
            "timeout": {"type": "float", "default": 5.0},
        },
        supports_check_mode=True,
    )
    asked = module.params
    try:
        current, known = releases(asked["app"], asked["root"])
        answer = {
            "release": current,
            "releases": known,
            "units": units(asked["units"]),
            "health": health(asked["health_url"], asked["timeout"]),
            "jobs": jobs(),
        }
    except StateError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
