"""Turns Debian payloads into the stand-in's packages, as rpms.toml says: ``fetch`` them, then ``build`` a repository of them.

Runs in the image that is being built, where nothing else needs Debian's package manager any more.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DEBS = HERE / "debs"
TREES = HERE / "trees"
RELEASE = "1.amzn2023.lab"
SPEC = """\
%global __os_install_post %{{nil}}
%global debug_package %{{nil}}
Name: {name}
Version: {version}
Release: {release}
Summary: The lab's stand-in for Amazon Linux 2023's {name}
License: see Debian's packages
AutoReqProv: no
{tags}
%description
Debian's files under Amazon's names, for tests.
%install
mkdir -p %{{buildroot}}
cp -a {tree}/. %{{buildroot}}/
%post
{post}
%files
{files}
"""


def run(*argv: str, cwd: Path = HERE) -> str:
    return subprocess.run(argv, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def fetch(packages: dict[str, Any]) -> None:
    DEBS.mkdir()
    run("apt-get", "download", *sorted({deb for package in packages.values() for deb in package.get("debs", [])}), cwd=DEBS)


def build(packages: dict[str, Any], repository: Path) -> None:
    for name, package in packages.items():
        tree = TREES / name
        tree.mkdir(parents=True)
        fill(tree, name, package)
        spec = HERE / f"{name}.spec"
        spec.write_text(specification(tree, name, package))
        run("rpmbuild", "-bb", "--quiet", f"--define=_rpmdir {repository}", "--define=_build_id_links none", str(spec))
    run("createrepo_c", "--quiet", str(repository))


def fill(tree: Path, name: str, package: dict[str, Any]) -> None:
    """Lay out one package's files."""
    source = TREES / f"{name}.debian"
    for deb in package.get("debs", []):
        run("dpkg-deb", "--extract", archive(deb), str(source))
    taken = {path: path.relative_to(source) for pattern in package.get("take", []) for path in source.glob(pattern)}
    moved = {source / old: Path(new) for old, new in package.get("move", {}).items()}
    for path, target in (taken | moved).items():
        (tree / target).parent.mkdir(parents=True, exist_ok=True)
        run("cp", "--archive", "--no-target-directory", str(path), str(tree / target))
    if (HERE / "rpms" / name).is_dir():
        run("cp", "--archive", "--no-target-directory", str(HERE / "rpms" / name), str(tree))


def archive(deb: str) -> str:
    return str(next(DEBS.glob(f"{deb}_*.deb")))


def specification(tree: Path, name: str, package: dict[str, Any]) -> str:
    """The package's spec file."""
    files = sorted("/" + str(path.relative_to(tree)).replace(" ", "?") for path in tree.rglob("*") if path.is_symlink() or path.is_file())
    settings = [f"%config(noreplace) {path}" if path.startswith("/etc/") else path for path in files]
    tags = [f"{tag.capitalize()}: {value}" for tag in ("provides", "requires") for value in package.get(tag, [])]
    presets = "".join(f"\nsystemctl --no-reload preset {unit} >/dev/null 2>&1 || :" for unit in package.get("units", []))
    return SPEC.format(
        name=name,
        version=package.get("version") or version(package["debs"][0]),
        release=RELEASE,
        tags="\n".join(tags),
        tree=tree,
        post=f"{package.get('post', '').strip()}{presets}",
        files="\n".join(settings),
    )


def version(deb: str) -> str:
    """Debian's upstream version: without epoch, revision, and what was left out of the source."""
    said = run("dpkg-deb", "--field", archive(deb), "Version").strip()
    return said.rpartition(":")[2].partition("-")[0].partition("+")[0]


if __name__ == "__main__":
    table = tomllib.loads((HERE / "rpms.toml").read_text())
    fetch(table) if sys.argv[1] == "fetch" else build(table, Path(sys.argv[2]))
