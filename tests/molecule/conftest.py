"""Starts the chosen scenarios with the session: they run while other tests do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from molecule_runs import LOGS, Runs

RUNS = pytest.StashKey[Runs]()


def pytest_collection_finish(session: pytest.Session) -> None:
    tests = [item for item in session.items if isinstance(item, pytest.Function) and "runs" in item.fixturenames]
    chosen = [(test.callspec.params["scenario"], test.callspec.params["platform"]) for test in tests]
    if chosen and not session.config.option.collectonly:
        LOGS.mkdir(parents=True, exist_ok=True)
        session.config.stash[RUNS] = Runs(chosen)
        session.config.stash[RUNS].work()


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> Iterator[Runs]:
    runs = request.config.stash[RUNS]
    runs.work()
    yield runs
    runs.end()
