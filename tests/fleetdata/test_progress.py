"""How far a long run is: quiet when it is short, a line that renews itself on a terminal, a line now and then in a log."""

from __future__ import annotations

import functools
import io
import os
import pty
import termios
import threading

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.progress import Progress, Stopped
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.table import number


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def run(stream: io.StringIO, *, seconds: int) -> list[str]:
    """Ten files of 10 MB, one a second."""
    clock = Clock()
    progress = Progress(verb="archive", stream=stream, stop=threading.Event(), clock=clock)
    progress.expect(files=10, bytes=100_000_000)
    for place in range(seconds):
        clock.now += 1
        progress.moved(10_000_000)
        progress.finished(f"/srv/report-{place}.csv")
    progress.close()
    return stream.getvalue().split("\r") if stream.isatty() else stream.getvalue().splitlines()


def test_a_short_run_says_nothing() -> None:
    assert run(io.StringIO(), seconds=1) == []
    assert run(Terminal(), seconds=1) == [""]


def test_a_terminal_has_one_line_that_goes_away() -> None:
    _, *lines, blank, end = run(Terminal(), seconds=4)
    assert [line.strip() for line in lines] == [
        "archive: 1 of 10 files, 20.0 MB of 100.0 MB in 2 s, about 8 s left",
        "archive: 2 of 10 files, 30.0 MB of 100.0 MB in 3 s, about 7 s left",
        "archive: 3 of 10 files, 40.0 MB of 100.0 MB in 4 s, about 6 s left",
    ]
    assert (blank.strip(), end) == ("", "")


def test_a_log_has_a_line_every_ten_seconds() -> None:
    assert run(io.StringIO(), seconds=10) == ["archive: 9 of 10 files, 100.0 MB of 100.0 MB in 10 s"]


def test_rows_are_told_with_how_many_a_second() -> None:
    stream, now = io.StringIO(), iter([0.0, 4.0, 20.0])
    rows = functools.partial(number, thing="row")
    progress = Progress(verb="migrate", stream=stream, stop=threading.Event(), clock=now.__next__, thing="table", amount=rows, rate=True)
    progress.expect(files=2, bytes=30_000)
    progress.moved(1_000)
    progress.moved(19_000)
    assert stream.getvalue() == "migrate: 0 of 2 tables, 20,000 rows of 30,000 rows (1,000 rows/s) in 20 s, about 10 s left\n"


def test_nobody_reading_stops_nothing() -> None:
    stream = Terminal()
    progress = Progress(verb="archive", stream=stream, stop=threading.Event(), clock=iter([0.0, 5.0, 6.0]).__next__)
    stream.close()
    progress.moved(1)
    progress.finished("a")
    progress.close()


def test_who_is_to_stop_reads_no_further() -> None:
    stop = threading.Event()
    progress = Progress(verb="archive", stream=None, stop=stop)
    progress.moved(1)
    stop.set()
    with pytest.raises(Stopped):
        progress.moved(1)


def test_a_line_is_never_wider_than_the_terminal_and_says_no_amount_of_nothing() -> None:
    """One that wraps cannot be renewed: each next one would begin a line below."""
    leader, terminal = pty.openpty()
    try:
        termios.tcsetwinsize(terminal, (24, 30))
        with os.fdopen(terminal, "w") as stream:
            clock = Clock()
            progress = Progress(verb="cut-over", stream=stream, stop=threading.Event(), clock=clock)
            progress.expect(files=1400)
            clock.now += 1000
            progress.finished("a")
            told = os.read(leader, 1000).decode()
            progress.close()
    finally:
        os.close(leader)
    assert told.strip("\r") == "cut-over: 1 of 1,400 files in "[:29]
