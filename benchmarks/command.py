"""What the benchmarks' commands have in common: options, and progress beside the results."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def parser(name: str, description: str, *, rounds: str, names: list[str] | None = None) -> argparse.ArgumentParser:
    """Of ``python -m benchmarks.<name>``. rounds: what is run so often. names: of its contestants, where they are known beforehand."""
    made = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    made.add_argument("--rounds", type=int, default=3, help=f"runs of {rounds} (default 3)")
    made.add_argument("--only", action="append", choices=names, metavar=None if names else "NAME", help="run this contestant only; may be repeated")
    made.add_argument("--json", type=Path, help="also write every run to this file")
    return made


def say(text: str) -> None:
    """Progress, beside the results."""
    print(text, file=sys.stderr, flush=True)
