"""Write realistic daily reports: ``python -m catscan.generate --date 2026-11-21 --out /var/lib/catscan/imports``.

The same arguments give the same bytes, on every Python and for ever.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from .reports import REPORT_TYPES

COUNTRIES = ("DE", "US", "GB", "FR", "NL", "PL", "ES", "IT", "AT", "CH", "SE", "BR", "IN", "JP", "ZA", "TR")
SIZES = ("300x250", "728x90", "320x50", "160x600", "970x250", "300x600")
ACCOUNTS = ("71000000001", "71000000002", "71000000003")
# Names such as publishers really have: with commas, quotes and letters beyond ASCII.
PUBLISHERS = ("Morgenblatt", "Öffentlicher Anzeiger", "News, Sports & More", 'The "Daily" Page', "Ciência Hoje", "日報")
FIRST_CREATIVE, FIRST_PUBLISHER = 310_000_000, 9_400_000_000


class Fractions:
    """An endless sequence of numbers in [0, 1), fixed by its seed (and by SHA-256, not by a library's version)."""

    def __init__(self, seed: str) -> None:
        self._seed, self._count = seed, 0

    def next(self) -> float:
        """The next one."""
        self._count += 1
        digest = hashlib.sha256(f"{self._seed}/{self._count}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48


def _skewed(fractions: Fractions, largest: int) -> int:
    """A count as traffic has it: most are small, few are large."""
    return int(largest * fractions.next() ** 4)


def _part(fractions: Fractions, whole: int, low: float, high: float) -> int:
    return int(whole * (low + (high - low) * fractions.next()))


def _funnel(fractions: Fractions) -> list[int]:
    requests = 1000 + _skewed(fractions, 40_000_000)
    matches = _part(fractions, requests, 0.3, 0.7)
    bids = _part(fractions, matches, 0.05, 0.4)
    in_auction = _part(fractions, bids, 0.8, 1.0)
    won = _part(fractions, in_auction, 0.02, 0.25)
    return [requests, matches, bids, in_auction, won, _part(fractions, won, 0.85, 1.0)]


def _performance(fractions: Fractions, day: str, rows: int) -> Iterator[list[str]]:
    for number in range(rows):
        creative, country = divmod(number, len(COUNTRIES))
        reached = 50 + _skewed(fractions, 2_000_000)
        impressions = _part(fractions, reached, 0.01, 0.2)
        clicks = _part(fractions, impressions, 0.0002, 0.004)
        micros = int(impressions * (300 + 2200 * fractions.next()))
        account, size = ACCOUNTS[creative % len(ACCOUNTS)], SIZES[creative % len(SIZES)]
        cells = [day, account, str(FIRST_CREATIVE + creative), size, COUNTRIES[country]]
        yield [*cells, str(reached), str(impressions), str(clicks), f"{micros // 10**6}.{micros % 10**6:06d}"]


def _country_code(number: int) -> str:
    if number < len(COUNTRIES):
        return COUNTRIES[number]
    others = (f"{chr(65 + a)}{chr(65 + b)}" for a in range(26) for b in range(26))
    return [code for code in others if code not in COUNTRIES][number - len(COUNTRIES)]


def _geo(fractions: Fractions, day: str, rows: int) -> Iterator[list[str]]:
    for number in range(min(rows, 26 * 26)):
        yield [day, _country_code(number), *map(str, _funnel(fractions))]


def _publishers(fractions: Fractions, day: str, rows: int) -> Iterator[list[str]]:
    for number in range(rows):
        publisher, country = divmod(number, 4)
        name = f"{PUBLISHERS[publisher % len(PUBLISHERS)]} {publisher + 1}"
        yield [day, str(FIRST_PUBLISHER + publisher), name, COUNTRIES[country], *map(str, _funnel(fractions))]


ROWS = {"performance": _performance, "funnel-geo": _geo, "funnel-publishers": _publishers}


def generate(*, first: date, days: int, rows: int, seed: int, out: Path) -> list[Path]:
    """Write one report of each type for each of ``days`` days from ``first`` on; return the files, in order.

    rows: rows of each report (a geo report has at most one for each of 676 country codes). Each file appears complete:
    it is written as ``NAME.part`` and renamed. Raises OSError if ``out`` cannot be written to.
    """
    written = []
    for offset in range(days):
        day = (first + timedelta(days=offset)).isoformat()
        for name, report in REPORT_TYPES.items():
            path = out / f"catscan-{name}-{day}.csv"
            part = Path(f"{path}.part")
            with part.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(report.header)
                writer.writerows(ROWS[name](Fractions(f"{seed}/{name}/{day}"), day, rows))
                stream.flush()
                os.fsync(stream.fileno())
            part.rename(path)
            written.append(path)
    return written


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 written, 2 wrong arguments or a folder that cannot be written to."""
    parser = argparse.ArgumentParser(prog="catscan.generate", description="Write realistic daily reports.")
    parser.add_argument("--date", type=date.fromisoformat, required=True, help="the first day, such as 2026-11-21")
    parser.add_argument("--days", type=_at_least_one, default=1)
    parser.add_argument("--rows", type=_at_least_one, default=500, help="rows of each report")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="an existing folder")
    options = parser.parse_args(arguments)
    try:
        files = generate(first=options.date, days=options.days, rows=options.rows, seed=options.seed, out=options.out)
    except (OSError, OverflowError) as error:
        print(f"catscan.generate: {error}", file=sys.stderr)
        return 2
    print(f"wrote {len(files)} report(s) to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
