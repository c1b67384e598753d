"""Lives of databases with retention, each drawn by its number: none loses a row, and none has a clean day refused."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from retention_cases import Case

CASES = int(os.environ.get("RETENTION_CASES", "1000"))
FIRST = int(os.environ.get("RETENTION_FIRST", "0"))


@pytest.mark.timeout(0)
def test_cs32_cs35_cs36_f48_no_life_of_a_database_loses_a_row_or_has_a_clean_day_refused() -> None:
    memory = Path("/dev/shm")
    failed = []
    for seed in range(FIRST, FIRST + CASES):
        with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
            try:
                Case(seed, Path(folder)).live()
            except Exception as error:
                failed.append(f"case {seed}: {type(error).__name__}: {error}")
        if (seed - FIRST + 1) % 1000 == 0:  # pytest -s shows it
            print(f"{seed - FIRST + 1:,} of {CASES:,} cases, {len(failed)} failed {failed[-1:]}", flush=True)
    assert not failed, "\n".join([f"{len(failed)} of {CASES} cases", *failed[:20]])
