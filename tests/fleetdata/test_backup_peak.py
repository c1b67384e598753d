"""A host with 1 GB backs up whatever it has: a run stays below 96 MiB (F44)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import cli
from backup_runs import database

RUN = """
import io, sys
from fleetdata.cli import main
for action in sys.argv[2:]:
    assert main([*action.split(), "--config", sys.argv[1]], stdout=io.StringIO(), stderr=sys.stderr) == 0
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(int(peak) / 1024)
"""
LARGE = """
CREATE TABLE entries (a INTEGER PRIMARY KEY, b TEXT, c BLOB);
CREATE INDEX by_text ON entries (b);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO entries SELECT i, hex(i * 31), randomblob(1000) FROM n;
"""


@pytest.mark.parametrize("kind", ["databases", "folders"])
def test_f44_a_backup_stays_below_96_mib(bucket: str, endpoint: str, tmp_path: Path, kind: str) -> None:
    live = tmp_path / "live"
    if kind == "databases":
        subject = {"database": str(database(live / "app.db", script=LARGE))}
    else:
        live.mkdir()
        for number in range(2):
            (live / f"large-{number}").write_bytes(os.urandom(20 << 20))
        for number in range(50):
            (live / f"small-{number}").write_bytes(os.urandom(2000))
        subject = {"folder": str(live)}
    said = {"bucket": bucket, "region": "eu-central-1", "endpoint_url": endpoint, "work": str(tmp_path / "work"), kind: {"app": subject}}
    (tmp_path / "fleetdata.d").mkdir()
    (tmp_path / "fleetdata.d/backups.json").write_text(json.dumps({"backups": said}))
    library = cli.__file__.rpartition("/fleetdata/")[0]
    program = [sys.executable, "-c", f"import sys; sys.path.insert(0, {library!r})\n{RUN}", str(tmp_path / "fleetdata.json")]
    actions = ["backup", "verify-backup", f"restore-backup app --into {tmp_path / 'out'}"]

    peak = subprocess.run([*program, *actions], capture_output=True, text=True, check=True).stdout

    assert float(peak) < 96
