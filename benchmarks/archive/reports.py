"""The files to be archived: realistic reports in three sets, made once for each scale and kept."""

from __future__ import annotations

import csv
import datetime
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
POOL_DAY, POOL_ROWS = "2000-01-01", 200_000
TYPES = ("performance", "funnel-geo", "funnel-publishers")
FIRST_DAY = datetime.date(2017, 1, 1)
MB = 1_000_000


@dataclass(frozen=True)
class Kind:
    """A set as it is at full scale: so many files of so many bytes. types: the reports among them, in turn."""

    name: str
    files: int
    bytes: int
    types: tuple[str, ...]


KINDS = (
    Kind("one large", 1, 1000 * MB, TYPES[:1]),
    Kind("hundred", 100, 10 * MB, TYPES[:1]),
    Kind("many small", 10_000, 20_000, TYPES),
)


@dataclass(frozen=True)
class FileSet:
    """One of them as it lies on disk, files and bytes of it as CSV."""

    kind: Kind
    folder: Path
    files: int
    bytes: int

    @property
    def raw(self) -> Path:
        """CSV files, side by side."""
        return self.folder / "raw"

    @property
    def packed(self) -> Path:
        """The same through gzip -6, in a tree as the archive's keys."""
        return self.folder / "packed"

    @property
    def checksums(self) -> Path:
        """Of the packed files, as sha256sum writes and reads them."""
        return self.folder / "packed.sha256"

    def columns(self, report: str) -> list[str]:
        """The header of a report."""
        with next(self.raw.glob(f"catscan-{report}-2*.csv")).open(newline="") as stream:
            return next(csv.reader(stream))

    @property
    def packed_bytes(self) -> int:
        """How much the packed files are."""
        return sum(path.stat().st_size for path in self.packed.rglob("*.gz"))


def key(report: str, day: str) -> str:
    """Where a day's report lies, as catscan declares it."""
    return f"{report}/{day[:4]}/{day[5:7]}/{day[8:]}/catscan-{report}-{day}.csv.gz"


def make(*, kind: Kind, scale: float, folder: Path) -> FileSet:
    """The set, from ``folder`` where it lies already. A small scale makes the one file smaller, and fewer of the others."""
    files = max(1, round(kind.files * scale)) if kind.files > 1 else 1
    size = kind.bytes if kind.files > 1 else max(MB, round(kind.bytes * scale))
    wanted = folder / f"{kind.name.replace(' ', '-')}-{files}x{size}"
    if not wanted.exists():
        part = wanted.with_name(f".{wanted.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        (part / "raw").mkdir(parents=True)
        pool = _pool(folder)
        for number in range(files):
            report = kind.types[number % len(kind.types)]
            day = (FIRST_DAY + datetime.timedelta(days=number // len(kind.types))).isoformat()
            _pack(_write(pool / f"catscan-{report}-{POOL_DAY}.csv", part / "raw", report, day, number, size), part / "packed" / key(report, day))
        _write_checksums(part)
        part.rename(wanted)
    raw = list((wanted / "raw").iterdir())
    return FileSet(kind=kind, folder=wanted, files=len(raw), bytes=sum(path.stat().st_size for path in raw))


def _pool(folder: Path) -> Path:
    """Rows of each type, drawn once by Cat-Scan's own generator: every file is a piece of them, long ones repeat them far beyond gzip's window."""
    pool = folder / f"pool-{POOL_ROWS}"
    if not pool.exists():
        part = folder / ".pool.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        command = [sys.executable, "-m", "catscan.generate", "--date", POOL_DAY, "--rows", str(POOL_ROWS), "--out", str(part)]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(ROOT / "files/apps/catscan")}, stdout=subprocess.DEVNULL)
        part.rename(pool)
    return pool


@cache
def _rows(pool: Path) -> tuple[bytes, bytes, bytes]:
    return pool.read_bytes().partition(b"\n")


def _write(pool: Path, folder: Path, report: str, day: str, number: int, size: int) -> Path:
    header, _, rows = _rows(pool)
    start = rows.find(b"\n", number * 7919 * 61 % (len(rows) // 2)) + 1  # another piece for every file
    path, left = folder / f"catscan-{report}-{day}.csv", size - len(header)
    with path.open("wb") as stream:
        stream.write(header + b"\n")
        while left > 0:
            piece = rows[start:] if len(rows) - start <= left else rows[start : rows.find(b"\n", start + left) + 1]
            stream.write(piece.replace(POOL_DAY.encode(), day.encode()))
            left, start = left - len(piece), 0
    return path


def _pack(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True)
    with path.open("rb") as source, target.open("wb") as stream, gzip.GzipFile("", "wb", 6, stream, mtime=0) as packed:
        shutil.copyfileobj(source, packed, MB)


def _write_checksums(folder: Path) -> None:
    lines = []
    for path in sorted((folder / "packed").rglob("*.gz")):
        with path.open("rb") as stream:
            lines.append(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {path.relative_to(folder / 'packed')}\n")
    (folder / "packed.sha256").write_text("".join(lines))
