"""Killed at every request, file and statement: no row is lost, none counts twice, and one more run finishes the work."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.run import DELETED
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archive_kills import dies_at
from archive_runs import Bucket, client
from retention_runs import WORK, archived, database, day, held, run

MOST_STEPS = 150
OLD = day(100)


def test_cs32_cs35_f48_a_run_that_is_killed_anywhere_loses_no_row(archive: Archive, tmp_path: Path) -> None:
    for step in range(1, MOST_STEPS):
        one = dataclasses.replace(archive, prefix=f"kill-{step}/")
        folder = tmp_path / str(step)
        folder.mkdir()
        path = database(folder, f"CREATE TABLE t (day TEXT, value); INSERT INTO t VALUES ('{OLD}', 'a'), ('{OLD}', x'00'), ('{day(0)}', 'new')")
        before = held(path)

        unused = Store(client=client(archive.endpoint_url, "for children"), bucket=archive.bucket)
        died = dies_at(step, lambda one=one, path=path, unused=unused: run(one, path, store=unused), folder=str(folder))
        assert not before - (held(path) | archived(one))
        report = run(one, path)
        assert all(result.status == DELETED for result in report.results)
        assert sum(held(path).values()) == 1
        assert sum(archived(one).values()) == 2
        assert not list((folder / WORK).iterdir())
        Bucket(one).check_whole()
        if not died:
            assert step > 30
            return
    raise AssertionError("it never ended")
