#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have one release of a Python application lie whole on a host, beside the running one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: python_release
short_description: Build one release of a Python application beside the running one
version_added: 0.1.0
description:
  - Takes the application from a pinned source on the controller, keeps only what the ship list allows, and names the result by its content.
  - A release that the host has already costs one small call. Otherwise its wheels are fetched on the controller, checked against the
    hashes of the requirements, and everything is sent in one archive. Hosts need no package index.
  - The host builds C(<root>/releases/<id>/{app,venv}) in place, tries the imports as user C(nobody), and writes C(release.json) last.
    A release without that file counts for nothing. C(<root>/current) is not touched; see M(steady.fleet.host_state).
  - A build holds the host's run lock, as every call of M(steady.fleet.host_state) that writes does. One that was killed is built anew.
  - The application is importable from any working directory; so is its C(src/) directory if it has one.
author: The steady.fleet developers (@steady-fleet)
options:
  name:
    description: The application's name.
    type: str
    required: true
  root:
    description: Where its releases lie. By default C(/opt/<name>).
    type: path
  source:
    description: Where the application comes from on the controller. Exactly one key.
    type: dict
    required: true
    suboptions:
      directory: {description: A directory., type: path}
      tarball: {description: 'A tar archive, compressed or not. One top-level directory is taken off.', type: path}
      wheel: {description: A wheel. O(requirements) is then looked up beside it., type: path}
      s3:
        description: A tar archive or wheel in S3, pinned by O(source.s3.version_id) or O(source.s3.sha256).
        type: dict
        suboptions:
          bucket: {description: The bucket., type: str, required: true}
          key: {description: The object's key., type: str, required: true}
          version_id: {description: The object's version., type: str}
          sha256: {description: The digest of its content., type: str}
          region: {description: The bucket's region., type: str}
      git:
        description: A commit of a git repository.
        type: dict
        suboptions:
          repository: {description: An address or a path on the controller., type: str, required: true}
          commit: {description: A full commit id or a tag. A branch moves and is refused., type: str, required: true}
  ship:
    description: Globs of what to ship, relative to the source. C(**) crosses directories; a directory stands for all below it.
    type: list
    elements: str
    default: ['**']
  never_ship:
    description: Globs of what never to ship; one without a slash matches at every level. Secrets, databases and caches are always left out.
    type: list
    elements: str
    default: []
  requirements:
    description: The lock inside the source, each requirement pinned with C(==) and C(--hash). Empty when the application needs no package.
    type: str
    default: requirements.txt
  python:
    description:
      - The Python on the host that makes the virtual environment.
      - When empty, the platform's usual one, known by the facts C(distribution) and C(os_family); without these, C(python3).
    type: str
    default: ''
  packages:
    description: Packages that this Python needs to make virtual environments. When empty, those of the platform.
    type: list
    elements: str
    default: []
  imports:
    description: Modules that must import before a release counts.
    type: list
    elements: str
    default: []
  secrets:
    description: What will be read from Secrets Manager later, as in P(steady.fleet.secret_environment#lookup). Checked before a build starts.
    type: list
    elements: dict
    default: []
  environment:
    description: The application's environment without secrets. A release that failed with another environment is tried again.
    type: dict
    default: {}
  retry:
    description: Whether to switch again to a release that failed its gate or was rolled back.
    type: bool
    default: false
  request:
    description: Set by the action plugin.
    type: dict
  run:
    description: 'Set by the action plugin: who runs what from where, for the run lock.'
    type: dict
attributes:
  check_mode: {support: full, description: Says which release would be built.}
  diff_mode: {support: full, description: The release before and after.}
  idempotent: {support: full, description: The release that is there already is not built again.}
  platform: {support: full, platforms: linux, description: Linux with systemd.}
"""

EXAMPLES = r"""
- name: Have the release ready
  steady.fleet.python_release:
    name: catscan
    source:
      git: {repository: 'https://git.example.org/catscan', commit: v1.4.2}
    never_ship: [tests, docs]
    imports: [catscan.api]
  register: ready
"""

RETURN = r"""
release: {description: The release's id., returned: always, type: str, sample: 3f9a1c0b7d52}
path: {description: Where it lies., returned: always, type: str, sample: /opt/catscan/releases/3f9a1c0b7d52}
target:
  description: The release to switch to. It is RV(current) where RV(release) failed its gate here, with this environment, or was rolled back.
  returned: always
  type: str
  sample: 3f9a1c0b7d52
declined: {description: 'Why RV(release) is not switched to, in one sentence; else empty.', returned: always, type: str, sample: ''}
withdrawn: {description: Whether that is because a person rolled it back., returned: always, type: bool, sample: false}
current: {description: The release that runs now., returned: always, type: str, sample: 0c1d2e3f4a5b}
plan:
  description: What differed, as in RV(steady.fleet.host_state#module:plan). A release is of kind C(release).
  returned: always
  type: list
  elements: dict
  sample: [{action: create, kind: release, name: /opt/catscan/releases/3f9a1c0b7d52, why: missing, scope: python_release/catscan}]
source: {description: 'Where it came from, for a person.', returned: always, type: str, sample: 'git https://git.example.org/catscan at v1.4.2'}
"""

import dataclasses
import shutil
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import host_lock, release_build, release_store


def probe(request: dict[str, Any]) -> dict[str, Any]:
    """Say what the host has; when the release is not complete, also what its Python is."""
    store = release_store.read(request["root"])
    complete = request["release"] in store.records
    return {
        "complete": complete,
        "current": store.current or "",
        "manager": "apt" if shutil.which("apt-get") else "dnf",
        "python": None if complete else release_build.describe_python(request["python"]),
        "directories": [] if complete else release_build.directory_changes(request["root"]),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "root": {"type": "path"},
            "source": {"type": "dict", "required": True},
            "ship": {"type": "list", "elements": "str", "default": ["**"]},
            "never_ship": {"type": "list", "elements": "str", "default": []},
            "requirements": {"type": "str", "default": "requirements.txt"},
            "python": {"type": "str", "default": ""},
            "packages": {"type": "list", "elements": "str", "default": []},
            "imports": {"type": "list", "elements": "str", "default": []},
            "secrets": {"type": "list", "elements": "dict", "default": [], "no_log": False},
            "environment": {"type": "dict", "default": {}, "no_log": False},
            "retry": {"type": "bool", "default": False},
            "request": {"type": "dict"},
            "run": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    request: dict[str, Any] = module.params["request"] or {}
    try:
        if request.get("phase") == "probe":
            module.exit_json(changed=False, **probe(request))
        if request.get("phase") == "build" and not module.check_mode:
            with host_lock.hold(host_lock.Run.of(module.params["run"])):
                record = release_build.build(release_build.Build(**request["build"]))
            module.exit_json(changed=True, record=dataclasses.asdict(record))
    except release_store.ReleaseError as error:
        module.fail_json(msg=str(error))
    except host_lock.LockError as error:
        module.fail_json(msg=str(error), holder=error.holder)
    module.fail_json(msg="steady.fleet.python_release works through its action plugin only")


if __name__ == "__main__":
    main()
