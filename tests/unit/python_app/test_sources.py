"""Each kind of source gives the same release; what moves or is broken is refused in one sentence."""

from __future__ import annotations

import os
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.plugin_utils import ship
from ansible_collections.steady.fleet.plugins.plugin_utils.sources import Request, Source, SourceError, kind_of, obtain

FILES = {"app.py": "print()\n", "pkg/__init__.py": "", "pkg/m.py": "x = 1\n", "requirements.txt": "# none\n"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {**FILES, ".env": "TOKEN=x", "tests/test_x.py": "", "data.db": "x"}.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "tree"


@pytest.fixture
def tarball(tree: Path, tmp_path: Path) -> Path:
    path = tmp_path / "app-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(tree, "app-1.0")
    return path


def git(repository: Path, *arguments: str) -> str:
    environment = {**os.environ, "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", "-C", str(repository), *identity, *arguments], env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def commit(tree: Path) -> str:
    git(tree, "init", "--quiet")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "-m", "one")
    git(tree, "tag", "-a", "v1", "-m", "one")
    return git(tree, "rev-parse", "HEAD")


def get(tmp_path: Path, source: dict[str, Any], requirements: str = "requirements.txt") -> Source:
    rules = ship.Rules(never=("tests",))
    return obtain(Request(source=source, rules=rules, requirements=requirements, cache=str(tmp_path / "cache")))


def test_w13_directory_tarball_and_commit_are_the_same_release(tree: Path, tarball: Path, commit: str, tmp_path: Path) -> None:
    sources: list[dict[str, Any]] = [
        {"directory": str(tree)},
        {"tarball": str(tarball)},
        {"git": {"repository": str(tree), "commit": commit}},
        {"git": {"repository": str(tree), "commit": "v1"}},
    ]
    found = [get(tmp_path, source) for source in sources]
    assert [entry.name for entry in found[0].entries] == sorted(FILES)
    assert len({ship.archive(source.entries) for source in found}) == 1
    assert {source.requirements for source in found} == {b"# none\n"}


def test_w13_a_commit_stays_what_it_was(tree: Path, commit: str, tmp_path: Path) -> None:
    (tree / "app.py").write_text("changed and not committed\n")
    source = get(tmp_path, {"git": {"repository": str(tree), "commit": commit}})
    assert source.entries[0].data == b"print()\n"


def test_a_commit_in_the_cache_needs_no_repository(tree: Path, commit: str, tmp_path: Path) -> None:
    one = get(tmp_path, {"git": {"repository": str(tree), "commit": commit}})
    tree.rename(tmp_path / "moved")
    assert get(tmp_path, {"git": {"repository": str(tree), "commit": commit}}).entries == one.entries


@pytest.mark.parametrize(
    ("wanted", "says"),
    [("main", "is a branch and moves"), ("HEAD", "is a branch and moves"), ("v9", "neither a full commit id"), ("abc123", "neither a full")],
)
def test_w13_what_moves_is_refused(tree: Path, commit: str, tmp_path: Path, wanted: str, says: str) -> None:
    assert commit
    with pytest.raises(SourceError, match=says):
        get(tmp_path, {"git": {"repository": str(tree), "commit": wanted}})


@pytest.mark.parametrize("repository", ["--upload-pack=touch /tmp/x", "ext::sh -c id", "https://user:word@127.0.0.1:1/x"])
def test_hostile_repositories_do_nothing(tmp_path: Path, repository: str) -> None:
    with pytest.raises(SourceError, match=r"git repository|not the address|carries a password") as caught:
        get(tmp_path, {"git": {"repository": repository, "commit": "v1"}})
    assert "word" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({}, "exactly one of .* it says nothing"),
        ({"directory": "a", "tarball": "b"}, "it says directory, tarball"),
        ({"ftp": "a"}, "it says ftp"),
        ({"directory": None}, "it says nothing"),
    ],
)
def test_exactly_one_kind(source: dict[str, Any], says: str) -> None:
    with pytest.raises(SourceError, match=says):
        kind_of(source)


def test_unset_keys_are_not_said() -> None:
    assert kind_of({"directory": "a", "git": None}) == "directory"


def test_a_missing_lock_is_named(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"has no 'locks/prod.txt'; add a lock"):
        get(tmp_path, {"directory": str(tree)}, requirements="locks/prod.txt")
    assert get(tmp_path, {"directory": str(tree)}, requirements="").requirements == b""


def test_the_lock_ships_whatever_the_globs_say(tree: Path, tmp_path: Path) -> None:
    rules = ship.Rules(ship=("pkg",), never=("*.txt",))
    request = Request(source={"directory": str(tree)}, rules=rules, requirements="requirements.txt", cache=str(tmp_path))
    assert [entry.name for entry in obtain(request).entries] == ["pkg/__init__.py", "pkg/m.py", "requirements.txt"]


def wheel(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_a_wheel_has_its_lock_beside_it(tmp_path: Path) -> None:
    path = wheel(tmp_path / "tiny-1.0-py3-none-any.whl", {"tiny.py": ""})
    (tmp_path / "requirements.txt").write_text("# none\n")
    source = get(tmp_path, {"wheel": str(path)})
    assert source.wheel == (path.name, path.read_bytes())
    assert source.requirements == b"# none\n"
    assert source.entries == ()


def test_broken_wheels_are_named(tmp_path: Path) -> None:
    (tmp_path / "tiny-1.0-py3-none-any.whl").write_bytes(b"PK but no zip")
    with pytest.raises(SourceError, match="is not a whole wheel"):
        get(tmp_path, {"wheel": str(tmp_path / "tiny-1.0-py3-none-any.whl")}, requirements="")
    wheel(tmp_path / "tiny.whl", {"tiny.py": ""})
    with pytest.raises(SourceError, match="not a wheel's file name"):
        get(tmp_path, {"wheel": str(tmp_path / "tiny.whl")}, requirements="")
    with pytest.raises(SourceError, match="cannot be read on the controller"):
        get(tmp_path, {"wheel": str(tmp_path / "none.whl")}, requirements="")


def test_w13_an_object_that_is_not_pinned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not pinned"):
        get(tmp_path, {"s3": {"bucket": "b", "key": "app.tar.gz"}})
