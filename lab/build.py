"""Builds the bodies' container images from the recipes under ``lab/image/``, once per content of the recipe.

A recipe is a folder with a Dockerfile. It stands either on bare Debian (12, or what its file ``suite`` says) with the packages of its
file ``packages``, or on what its file ``base`` names: another image of the lab. A real Amazon Linux image can take the place of its stand-in (``AMAZON_BASE``).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from lab import docker
from lab.command import attempt, run
from lab.errors import LabError
from lab.settings import PROJECT

RECIPES = PROJECT / "lab" / "image"
SUITE = "bookworm"
PREFIX = "steady-lab/"
AMAZON = "steady-lab/amazon:2023"
AMAZON_BASE = "STEADY_LAB_AMAZON_BASE"
"""The environment variable that names a real Amazon Linux 2023 container image, such as amazonlinux:2023."""

Say = Callable[[str], None]


def ensure(tag: str, *, say: Say) -> str:
    """Make sure that the image ``steady-lab/<os>:<version>`` exists as its recipe says; return its unchanging tag."""
    recipe, base = _recipe(tag)
    if base.startswith(PREFIX):
        base = ensure(base, say=say)
    exact = f"{tag}-{_digest(recipe, base)}"
    if docker.image_id(exact):
        say(f"image {exact} (cached)")
    else:
        _build(recipe, exact, base, say=say)
    if docker.image_id(tag) != docker.image_id(exact):
        run("docker", "tag", exact, tag)
    return exact


def remove_all(*, say: Say) -> None:
    """Remove every image that the lab has built."""
    for tag in docker.image_tags("steady-lab/*"):
        run("docker", "image", "rm", "--force", tag)
        say(f"image {tag} removed")


def _recipe(tag: str) -> tuple[Path, str]:
    """The folder of ``tag``'s recipe, and the image on which it stands; an empty name is bare Debian."""
    real = os.environ.get(AMAZON_BASE, "") if tag == AMAZON else ""
    name = tag.removeprefix(PREFIX).replace(":", "-") + ("-real" if real else "")
    recipe = RECIPES / name
    if not recipe.is_dir():
        raise LabError(f"There is no recipe for the image {tag}: expected the folder {recipe}.")
    base = recipe / "base"
    return recipe, real or (base.read_text(encoding="utf-8").strip() if base.exists() else "")


def _digest(recipe: Path, base: str) -> str:
    digest = hashlib.sha256(base.encode())
    for path in sorted(recipe.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(recipe).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _build(recipe: Path, exact: str, base: str, *, say: Say) -> None:
    if base:
        say(f"image {exact}: building on {base}")
        _build_on(base, recipe, exact)
        return
    packages = (recipe / "packages").read_text(encoding="utf-8").split()
    suite = (recipe / "suite").read_text(encoding="utf-8").strip() if (recipe / "suite").exists() else SUITE
    base = f"steady-lab/base:{exact.rpartition('-')[2]}"
    if _registry_answers(f"debian:{suite}"):
        say(f"image {exact}: building from the registry's debian:{suite}")
        _base_from_registry(base, suite, packages)
    else:
        say(f"image {exact}: no registry answers, so bootstrapping {suite} (up to a minute)")
        _base_from_bootstrap(base, suite, packages, say=say)
    _build_on(base, recipe, exact)
    run("docker", "image", "rm", base)


def _build_on(base: str, recipe: Path, exact: str) -> None:
    arguments = ("--build-arg", f"BASE={base}", "--tag", exact, str(recipe))
    run("docker", "build", *arguments, timeout=600, what=f"Building the image {exact}")


def _registry_answers(image: str) -> bool:
    try:
        return attempt(["docker", "manifest", "inspect", image], timeout=8).returncode == 0
    except LabError:
        return False


def _base_from_registry(base: str, suite: str, packages: list[str]) -> None:
    install = f"apt-get update && apt-get install --yes --no-install-recommends {' '.join(packages)}"
    dockerfile = f"FROM debian:{suite}\nRUN {install} && apt-get clean\n"
    run("docker", "build", "--tag", base, "-", stdin=dockerfile.encode(), timeout=600, what="Building the base image")


def _base_from_bootstrap(base: str, suite: str, packages: list[str], *, say: Say) -> None:
    _ensure_mmdebstrap(say=say)
    with tempfile.TemporaryDirectory(prefix="steady-lab-") as scratch:
        tar = str(Path(scratch) / "root.tar")
        include = "--include=" + ",".join(packages)
        run("mmdebstrap", "--variant=minbase", include, suite, tar, timeout=900, what="Bootstrapping Debian")
        run("docker", "import", tar, base, timeout=300)


def _ensure_mmdebstrap(*, say: Say) -> None:
    if shutil.which("mmdebstrap"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise LabError(
            "No container registry answers and mmdebstrap is not installed: install mmdebstrap "
            "(Debian and Ubuntu: sudo apt-get install mmdebstrap), or make a registry reachable."
        )
    say("installing the package mmdebstrap with apt-get")
    run("apt-get", "install", "--yes", "--no-install-recommends", "mmdebstrap", timeout=300, what="Installing mmdebstrap")
