"""Wherever a run dies, the target is as it was before or has all of it, and the next run leaves it whole, without debris."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import staging
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.put import StaysError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.report import LOADED
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.run import run
from migrate_kills import dies_at
from test_load_run import contents, moving, schemas, shop


@pytest.mark.parametrize("jobs", [1, 2])
def test_mrpt14_killed_at_any_step_a_run_leaves_the_target_as_it_was_and_the_next_one_finishes(
    tmp_path: Path, target: Target, postgres: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setattr(staging, "_ROWS", 30)
    path = shop(tmp_path / "shop.db", rows=40)
    postgres.execute("CREATE TABLE there (before int)")
    before = contents(postgres)
    assert run(migration=moving(path, target, schema="wanted")).status == LOADED
    wanted = contents(postgres, "wanted")
    postgres.execute("DROP SCHEMA wanted CASCADE")
    declared = moving(path, target, jobs=jobs)
    step = 1
    while dies_at(step, lambda: run(migration=declared)):
        found = contents(postgres)
        if found != before:  # it died after its last commit
            assert found == {**wanted, **before}, step
            break
        if step % 5 == 0:  # the next run may be one that lives
            assert run(migration=declared).status == LOADED
            assert contents(postgres) == {**wanted, **before}, step
            assert schemas(postgres) == {"public"}, step
            for table in ("orders", "customers", "lines", "log"):
                postgres.execute(f"DROP TABLE {table} CASCADE")
        step += 3 if jobs == 1 else 7
    assert step > 50
    try:
        run(migration=declared)
    except StaysError as error:
        assert "exists:orders" in str(error)
    assert contents(postgres) == {**wanted, **before}
    assert schemas(postgres) == {"public"}
