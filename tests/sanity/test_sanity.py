"""``ansible-test sanity`` on the plugins that ship: it refuses to run through links, so it gets the unpacked artifact.

Left out, with the reason: ``pylint`` wants ``run_command`` and no ``_`` in cores that import no Ansible by design (ruff checks them);
``shellcheck`` and ``pslint`` look for programs that no Python package brings; ``import`` is held to the code that runs on hosts, as
controller code may import what ansible-core itself depends on.
"""

from __future__ import annotations

import re
import sys
import tarfile
from pathlib import Path

import ansible_test
import checkout
import pytest

TESTS = [
    "action-plugin-docs",
    "ansible-doc",
    "changelog",
    "compile",
    "empty-init",
    "ignores",
    "line-endings",
    "no-assert",
    "no-get-exception",
    "no-illegal-filenames",
    "no-smart-quotes",
    "pep8",
    "replace-urlopen",
    "runtime-metadata",
    "shebang",
    "symlinks",
    "use-argspec-type-path",
    "use-compat-six",
    "validate-modules",
    "yamllint",
]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("sanity")
    collection = workspace / "ansible_collections" / "steady" / "fleet"
    with tarfile.open(checkout.build(workspace)) as artifact:
        artifact.extractall(collection, filter="data")
    # The collections that galaxy.yml asks for lie beside it, as where it is installed.
    for namespace in ("amazon", "community"):
        (workspace / "ansible_collections" / namespace).symlink_to(Path(ansible_test.__path__[0]).parent / "ansible_collections" / namespace)
    checkout.run("git", "init", "--quiet", ".", cwd=collection)
    checkout.run("git", "add", ".", cwd=collection)
    return collection


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose cache holds ansible-test's pip bootstrap, made from Python's own: ansible-test would download one."""
    home = tmp_path_factory.mktemp("home")
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True)
    source = Path(ansible_test.__path__[0], "_internal", "python_requirements.py").read_text()
    (version,) = re.findall(r"\bpip='([\d.]+)'", source)
    bootstrap = cache / f"get_pip_{version.replace('.', '_')}.py"
    bootstrap.write_text("import ensurepip\n\nensurepip.bootstrap()\n")
    return home


@pytest.mark.parametrize(
    ("tests", "targets"),
    [(TESTS, ["plugins/"]), (["import"], ["plugins/modules/", "plugins/module_utils/"])],
    ids=["plugins", "import"],
)
def test_sanity(tests: list[str], targets: list[str], collection: Path, home: Path) -> None:
    chosen = [argument for test in tests for argument in ("--test", test)]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = ["ansible-test", "sanity", "--color", "no", "--python", python, *chosen, *targets]
    result = checkout.attempt(*command, cwd=collection, HOME=str(home))
    found = [line for line in (result.stdout + result.stderr).splitlines() if line.startswith(("ERROR", "FATAL"))]
    assert result.returncode == 0, "\n".join(found)
