"""Killed at every request, file and statement: what counts is whole, and one more run finishes the work."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup import verify
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.model import DATABASE, FOLDER, Keep, Subject
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archive_kills import dies_at
from archive_runs import client
from backup_runs import DAY, Bench, bench, change, database, folder

MOST_STEPS = 150


def good(host: Bench) -> list[str]:
    """The stamps of what counts; every one of them is read back, opened and compared."""
    results = verify.verify(context=host.context(), depth=verify.Depth(which=verify.ALL))
    assert {each.status for each in results} == {"good"}, results
    return [each.stamp for each in results]


@pytest.mark.parametrize(("kind", "every"), [(DATABASE, 2), (FOLDER, 5)])
def test_w3_f54_killed_anywhere_what_counts_is_whole(bucket: str, endpoint: str, tmp_path: Path, kind: str, every: int) -> None:
    base = bench(bucket, endpoint, tmp_path, keep=Keep(0, 0, 0, 1), kind=kind)
    live = Path(base.subjects["app"].path)
    if kind == DATABASE:
        database(live)
    else:
        folder(live)
    for step in range(1, MOST_STEPS, every):
        here = tmp_path / str(step)
        subject = Subject("app", kind, str(live), Keep(0, 0, 0, 1))
        host = dataclasses.replace(base, work=here / "work", prefix=f"kill-{step}/", subjects={"app": subject})
        host.run()
        if kind == DATABASE:
            change(live, f"INSERT INTO entries VALUES ('a', {step})")
        else:
            (live / "new").write_text(str(step))
        host.now += DAY
        unused = Store(client=client(endpoint, "for children"), bucket=bucket)
        died = dies_at(step, lambda host=host, unused=unused: host.run(store=unused), folder=str(here))
        before = good(host)
        assert before
        host.now += DAY
        result = host.run()
        assert result.proved
        assert good(host) == [result.stamp]
        assert not [path for path in here.rglob("*") if path.is_file()]
        if not died:
            assert before == ["20261123T120000Z"]
            assert step > 20
            return
    raise AssertionError("it never ended")
