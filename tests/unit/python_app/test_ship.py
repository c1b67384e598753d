"""What ships, and that the same tree gives the same bytes whatever it comes from."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.plugin_utils import ship
from hypothesis import given, settings
from hypothesis import strategies as st

FORBIDDEN = [
    ".git/config",
    "a/.git/HEAD",
    "pkg/__pycache__/m.cpython-311.pyc",
    "m.pyc",
    ".env",
    ".env.production",
    "conf/prod.env",
    "data/app.db",
    "APP.DB",
    "x.sqlite",
    "x.sqlite3",
    "x.db-wal",
    "x.sqlite3-journal",
    "venv/bin/python",
    "deep/.venv/lib/x.py",
    "logs/app.log",
    "logs/app.log.1",
    ".DS_Store",
    ".aws/credentials",
    ".ssh/id_ed25519",
]


def make(root: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)


def names(entries: list[ship.Entry]) -> list[str]:
    return [entry.name for entry in entries]


@pytest.mark.parametrize("name", FORBIDDEN)
def test_cs20_never_list_holds_even_when_asked_to_ship(tmp_path: Path, name: str) -> None:
    root = make(tmp_path, {"app.py": "", name: "secret"})
    assert names(ship.from_directory(root, ship.Rules())) == ["app.py"]
    assert names(ship.from_directory(root, ship.Rules(ship=("app.py", "**")))) == ["app.py"]


def test_cs20_a_directory_with_pyvenv_cfg_is_an_environment_whatever_its_name(tmp_path: Path) -> None:
    root = make(tmp_path, {"app.py": "", "py311/pyvenv.cfg": "", "py311/lib/x.py": ""})
    assert names(ship.from_directory(root, ship.Rules())) == ["app.py"]


@pytest.mark.parametrize(
    ("globs", "never", "shipped"),
    [
        (["**"], [], ["a/b/c.py", "a/x.txt", "setup.py", "tests/t.py"]),
        (["a"], [], ["a/b/c.py", "a/x.txt"]),
        (["a/**/*.py"], [], ["a/b/c.py"]),
        (["**/*.py"], [], ["a/b/c.py", "setup.py", "tests/t.py"]),
        (["*.py"], [], ["setup.py"]),
        (["**"], ["tests"], ["a/b/c.py", "a/x.txt", "setup.py"]),
        (["**"], ["*.py"], ["a/x.txt"]),
        (["**"], ["a/b"], ["a/x.txt", "setup.py", "tests/t.py"]),
    ],
)
def test_f22_ship_list(tmp_path: Path, globs: list[str], never: list[str], shipped: list[str]) -> None:
    root = make(tmp_path, {"a/b/c.py": "", "a/x.txt": "", "setup.py": "", "tests/t.py": ""})
    assert names(ship.from_directory(root, ship.Rules(ship=tuple(globs), never=tuple(never)))) == shipped


@pytest.mark.parametrize("pattern", ["/etc/*", "../x", "a/../../b", "", "/"])
def test_globs_stay_inside(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ship.ShipError, match="stay inside"):
        ship.from_directory(make(tmp_path, {"a": ""}), ship.Rules(ship=(pattern,)))


def test_a_glob_that_matches_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ship.ShipError, match="'srcc' matches nothing"):
        ship.from_directory(make(tmp_path, {"src/a.py": ""}), ship.Rules(ship=("src", "srcc")))


def test_an_empty_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ship.ShipError, match="nothing ships"):
        ship.from_directory(make(tmp_path, {"a.pyc": ""}), ship.Rules())


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(ship.ShipError, match="does not exist on the controller"):
        ship.from_directory(str(tmp_path / "none"), ship.Rules())


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "b/../../../x", "sub/../../x"])
def test_links_out_of_the_tree_are_refused(tmp_path: Path, target: str) -> None:
    root = make(tmp_path, {"app.py": ""})
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(ship.ShipError, match="link"):
        ship.from_directory(root, ship.Rules())


def test_a_link_through_a_link_cannot_lead_out(tmp_path: Path) -> None:
    root = make(tmp_path, {"top/a.py": "", "deep/er/b.py": ""})
    (tmp_path / "deep" / "er" / "y").symlink_to("../../top")
    (tmp_path / "deep" / "er" / "l").symlink_to("y/../../x")
    with pytest.raises(ship.ShipError, match="could lead there"):
        ship.from_directory(root, ship.Rules())


def test_a_link_to_something_that_does_not_ship_is_refused(tmp_path: Path) -> None:
    root = make(tmp_path, {"app.py": "", ".env": "TOKEN=x"})
    (tmp_path / "settings").symlink_to(".env")
    with pytest.raises(ship.ShipError, match="does not ship"):
        ship.from_directory(root, ship.Rules())


def test_links_inside_the_tree_ship_as_links(tmp_path: Path) -> None:
    root = make(tmp_path, {"a/real.py": "x"})
    (tmp_path / "a" / "alias.py").symlink_to("real.py")
    assert ship.from_directory(root, ship.Rules())[0] == ship.Entry("a/alias.py", link="real.py")


def test_a_socket_or_pipe_is_refused_by_name(tmp_path: Path) -> None:
    root = make(tmp_path, {"app.py": ""})
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ship.ShipError, match="'pipe' is neither"):
        ship.from_directory(root, ship.Rules())


def test_data_among_the_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ship, "MAX_BYTES", 10)
    with pytest.raises(ship.ShipError, match="data is among the code"):
        ship.from_directory(make(tmp_path, {"app.py": "x" * 11}), ship.Rules())


def tar_of(members: list[tuple[str, bytes, str]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, kind, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            tar.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", tarfile.REGTYPE, "")],
        [("/etc/cron.d/evil", tarfile.REGTYPE, "")],
        [("a/../../evil", tarfile.REGTYPE, "")],
        [("ok", tarfile.REGTYPE, ""), ("l", tarfile.SYMTYPE, "/etc")],
        [("ok", tarfile.REGTYPE, ""), ("l", tarfile.SYMTYPE, "../..")],
        [("d", tarfile.SYMTYPE, "e"), ("e/x", tarfile.REGTYPE, ""), ("d/x", tarfile.REGTYPE, "")],
        [("ok", tarfile.REGTYPE, ""), ("dev", tarfile.CHRTYPE, "")],
        [("ok", tarfile.REGTYPE, ""), ("h", tarfile.LNKTYPE, "/etc/shadow")],
        [("ok\x01", tarfile.REGTYPE, "")],
    ],
)
def test_malicious_tarballs_are_refused(members: list[tuple[str, bytes, str]]) -> None:
    with pytest.raises(ship.ShipError):
        ship.from_tar(tar_of(members), ship.Rules(), where="tarball x")


@pytest.mark.parametrize("data", [b"", b"not a tar", tar_of([("a", tarfile.REGTYPE, "")])[:-20]])
def test_a_broken_tarball_is_one_sentence(data: bytes) -> None:
    with pytest.raises(ship.ShipError, match=r"tarball x is not a whole tar archive|nothing ships"):
        ship.from_tar(data, ship.Rules(), where="tarball x")


def test_one_top_directory_is_taken_off_but_not_a_package() -> None:
    files = [("app-1.0/app.py", tarfile.REGTYPE, ""), ("app-1.0/pkg/__init__.py", tarfile.REGTYPE, "")]
    assert names(ship.from_tar(tar_of(files), ship.Rules(), where="x")) == ["app.py", "pkg/__init__.py"]
    package = [("pkg/__init__.py", tarfile.REGTYPE, ""), ("pkg/api.py", tarfile.REGTYPE, "")]
    assert names(ship.from_tar(tar_of(package), ship.Rules(), where="x")) == ["pkg/__init__.py", "pkg/api.py"]


SAFE = st.text("abcXYZ019_-é ", min_size=1, max_size=6).filter(lambda s: s.strip())
TREES = st.dictionaries(st.lists(SAFE, min_size=1, max_size=3).map("/".join), st.tuples(st.binary(max_size=40), st.booleans()), min_size=1, max_size=8).filter(
    lambda tree: not any(a != b and b.startswith(a + "/") for a in tree for b in tree)
)


@settings(max_examples=60, deadline=None)
@given(tree=TREES, order=st.randoms(use_true_random=False), stamp=st.integers(0, 2**31))
def test_w13_same_tree_same_bytes_from_a_directory_and_from_a_tarball(tree: dict[str, tuple[bytes, bool]], order: object, stamp: int) -> None:
    shuffled = list(tree.items())
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as top, tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, (data, executable) in shuffled:
            path = Path(top, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o700 if executable else 0o600)
            os.utime(path, (stamp, stamp))
            info = tarfile.TarInfo(f"./{name}")
            info.size, info.mtime, info.uid, info.mode = len(data), stamp, 1234, 0o775 if executable else 0o664
            tar.addfile(info, io.BytesIO(data))
        Path(top, "empty directory").mkdir(exist_ok=True)
        one = ship.archive(ship.from_directory(top, ship.Rules()))
    two = ship.archive(ship.from_tar(buffer.getvalue(), ship.Rules(), where="tar", strip=False))
    assert one == two
    assert ship.release_id(one) == ship.release_id(two)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=8), min_size=1, max_size=4), st.lists(st.binary(max_size=8), min_size=1, max_size=4))
def test_release_ids_tell_apart_what_differs(one: list[bytes], two: list[bytes]) -> None:
    assert (ship.release_id(*one) == ship.release_id(*two)) == (one == two)
    assert len(ship.release_id(*one)) == 12


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*ship.NEVER, "a", "app.py", "x.db", ".env.local", "b.log"]), min_size=1, max_size=4))
def test_cs20_no_name_with_a_forbidden_part_is_wanted(parts: list[str]) -> None:
    name = "/".join(part.replace("*", "z") for part in parts)
    if any(part not in ("a", "app.py") for part in parts):
        assert not ship.Rules(ship=("**", name)).wants(name)
