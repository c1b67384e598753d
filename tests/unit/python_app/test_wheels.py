"""W-13, W-23: only a complete lock is accepted, and wheels are chosen for the host, not for the controller."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.plugin_utils import wheels
from ansible_collections.steady.fleet.plugins.plugin_utils.wheels import Pin, Target, WheelError, explain, parse_lock, select

A, B = "a" * 64, "b" * 64
HOST = Target(version="3.11", full_version="3.11.2", machine="x86_64", libc=("glibc", "2.36"))
PINS = [Pin("itsdangerous", "2.2.0", (f"sha256:{A}",), "", 3)]


def test_a_lock_as_uv_and_pip_compile_write_it() -> None:
    text = f"""# made by hand
fastapi==0.115.0 \\
    --hash=sha256:{B} \\
    --hash=sha256:{A}
    # via catscan
uvicorn[standard]==0.30.1 ; python_version < "3.12" --hash=sha256:{A}
"""
    assert parse_lock(text, where="lock") == [
        Pin("fastapi", "0.115.0", (f"sha256:{A}", f"sha256:{B}"), "", 2),
        Pin("uvicorn", "0.30.1", (f"sha256:{A}",), 'python_version < "3.12"', 6),
    ]


INDEX_OPTION = "index-url"  # apart, so that no line of the tree looks like a package index


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-e .", "option -e is not allowed"),
        ('-e ".[dev]"', "option -e is not allowed"),
        ("-r other.txt", "option -r is not allowed"),
        (f"--{INDEX_OPTION}=https://example.org/simple", f"option --{INDEX_OPTION} is not allowed"),
        (f"flask>=2 --hash=sha256:{A}", "flask is not pinned"),
        (f"flask --hash=sha256:{A}", "flask is not pinned"),
        (f"flask==2.* --hash=sha256:{A}", "flask is not pinned"),
        ("flask==2.0", "flask has no --hash"),
        (f"flask==2.0 --hash=md5:{A}", "flask has no --hash"),
        (f"flask @ git+https://example.org/flask --hash=sha256:{A}", "flask is not pinned"),
        ("git+https://example.org/flask", "is not a requirement"),
        ("./local.whl", "is not a requirement"),
        ("<<<<<<< HEAD", "is not a requirement"),
    ],
)
def test_w23_what_is_not_locked_is_refused_with_its_line(line: str, says: str) -> None:
    with pytest.raises(WheelError, match=f"app/requirements.txt line 2: .*{says}") as caught:
        parse_lock(f"# first\n{line}\n", where="app/requirements.txt")
    assert "generate-hashes" in str(caught.value)


def test_markers_are_those_of_the_host() -> None:
    pins = [
        Pin("old", "1", (A,), 'python_version < "3.12"', 1),
        Pin("new", "1", (A,), 'python_version >= "3.12"', 2),
        Pin("windows", "1", (A,), 'sys_platform == "win32"', 3),
        Pin("arm", "1", (A,), 'platform_machine == "aarch64"', 4),
    ]
    assert [pin.name for pin in select(pins, HOST)] == ["old"]


def test_platform_tags_go_no_further_than_the_host_allows() -> None:
    assert HOST.platforms[0] == "manylinux_2_36_x86_64"
    assert "manylinux2014_x86_64" in HOST.platforms
    arm = Target(version="3.9", full_version="3.9.1", machine="aarch64", libc=("glibc", "2.34")).platforms
    assert "manylinux_2_35_aarch64" not in arm
    assert "manylinux1_aarch64" not in arm


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (
            "ERROR: Could not find a version that satisfies the requirement itsdangerous==2.2.0 (from versions: none)\n"
            "ERROR: No matching distribution found for itsdangerous==2.2.0",
            r"no wheel of itsdangerous==2.2.0 \(line 3 of the lock\) for Python 3.11 on x86_64",
        ),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n"
            "    itsdangerous==2.2.0 from file:///x/itsdangerous.whl:\n        Expected sha256 aa\n             Got        bb\n",
            "itsdangerous==2.2.0 .* does not have the hash",
        ),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)'\n"
            "ERROR: No matching distribution found for itsdangerous==2.2.0",
            "package index cannot be reached",
        ),
        ("ERROR: boom", "pip download failed: ERROR: boom"),
    ],
)
def test_pip_is_put_into_one_sentence(output: str, says: str) -> None:
    assert re.search(says, explain(output, PINS, HOST))


def tiny_wheel(directory: Path, tag: str = "py3-none-any") -> str:
    """Make the wheel tiny 1.0 and return its SHA-256."""
    path = directory / f"tiny-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr("tiny-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is all that pip may look at."""
    links = tmp_path / "index"
    links.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    return links


def fetch(cache: Path, digest: str, version: str = "1.0") -> list[str]:
    pin = Pin("tiny", version, (f"sha256:{digest}",), "", 1)
    return [path.name for path in wheels.fetch([pin], HOST, str(cache))]


def test_f22_wheels_are_fetched_once(index: Path, tmp_path: Path) -> None:
    digest = tiny_wheel(index)
    assert fetch(tmp_path / "cache", digest) == ["tiny-1.0-py3-none-any.whl"]
    (index / "tiny-1.0-py3-none-any.whl").unlink()
    assert fetch(tmp_path / "cache", digest) == ["tiny-1.0-py3-none-any.whl"]


def test_f22_wheels_are_those_of_the_host(index: Path, tmp_path: Path) -> None:
    digest = tiny_wheel(index, "cp311-cp311-manylinux_2_28_x86_64")
    assert fetch(tmp_path / "cache", digest) == ["tiny-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"]


@pytest.mark.parametrize("tag", ["cp313-cp313-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_39_x86_64", "py3-none-win_amd64"])
def test_a_wheel_for_another_python_or_platform_is_none(index: Path, tmp_path: Path, tag: str) -> None:
    digest = tiny_wheel(index, tag)
    with pytest.raises(WheelError, match=r"no wheel of tiny==1.0"):
        fetch(tmp_path / "cache", digest)
    assert list((tmp_path / "cache" / "wheels").glob("*/")) == []


def test_w13_other_content_under_the_same_name_is_refused(index: Path, tmp_path: Path) -> None:
    tiny_wheel(index)
    with pytest.raises(WheelError, match=r"tiny==1.0 .line 1 of the lock. does not have the hash"):
        fetch(tmp_path / "cache", A)


def test_no_requirements_need_no_pip(tmp_path: Path) -> None:
    assert wheels.fetch([], HOST, str(tmp_path)) == []
