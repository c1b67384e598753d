"""The files of this checkout, as git would commit them, and the artifact that is built from them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1", "NO_COLOR": "1"}


def attempt(*command: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command and let the caller look at its exit status."""
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Run a command and return what it printed; a failure shows all of it."""
    result = attempt(*command, cwd=cwd, **environment)
    assert result.returncode == 0, f"{' '.join(map(str, command))}\n{result.stdout[-12000:]}\n{result.stderr[-4000:]}"
    return result.stdout


def files() -> list[Path]:
    """Tracked and new files, relative to the root; ignored and deleted ones are left out."""
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return sorted({Path(name) for name in names if name and os.path.lexists(ROOT / name)})


def copy(destination: Path) -> Path:
    """Copy those files, links as links."""
    for path in files():
        (destination / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, destination / path, follow_symlinks=False)
    return destination


def build(workspace: Path) -> Path:
    """Build the collection's artifact from a clean copy of this checkout below ``workspace``."""
    run("ansible-galaxy", "collection", "build", "--output-path", workspace, cwd=copy(workspace / "checkout"))
    (artifact,) = workspace.glob("steady-fleet-*.tar.gz")
    return artifact
