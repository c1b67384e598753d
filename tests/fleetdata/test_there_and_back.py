"""What is archived comes back byte for byte, whatever the reports hold and however often they are corrected."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
import itertools
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import errors, restore, verify
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.archive import archive_files
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.catalogue import Wanted
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.folder import Folder
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.keys import object_key
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import FAST, SMALL, UNCHANGED, UPLOADED, Archive, Outcome, ReportType
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.verify import REPLACED, Depth
from csv_files import write_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REPORT = "performance"
FIRST = datetime.date(2025, 12, 30)
_EXAMPLES = itertools.count(1)

# Surrogates are no UTF-8, and a NUL is refused when a report is archived.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
ROWS = st.lists(st.tuples(TEXT, st.integers()), max_size=8)


@dataclasses.dataclass(frozen=True)
class Content:
    """A report without its day. Quotes, separators and line ends may be within its fields."""

    rows: list[tuple[str, int]]
    bom: bool
    line_end: str

    def of(self, day: str) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator=self.line_end)
        writer.writerow(["Day", "Creative", "Clicks"])
        writer.writerows([day, creative, clicks] for creative, clicks in self.rows)
        return b"\xef\xbb\xbf" * self.bom + text.getvalue().encode()


CONTENTS = st.builds(Content, rows=ROWS, bom=st.booleans(), line_end=st.sampled_from(["\n", "\r\n"]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(st.lists(CONTENTS, min_size=1, max_size=3), min_size=1, max_size=4), compression=st.sampled_from([FAST, SMALL]))
def test_cs37_cs53_f46_f57_what_was_archived_comes_back_byte_for_byte(
    store: Store, archive: Archive, tmp_path: Path, days: list[list[Content]], compression: str
) -> None:
    """Each day has one to three contents, one after the other; the last that was new is the one that counts."""
    number = next(_EXAMPLES)
    report = ReportType(name=REPORT, columns=("Day", "Creative", "Clicks"), day_column="Day")
    archive = dataclasses.replace(archive, prefix=f"{number}/", reports={REPORT: report}, revisions=True, compression=compression)
    source, target = tmp_path / f"source-{number}", tmp_path / f"target-{number}"
    source.mkdir()
    named = [(FIRST + datetime.timedelta(days=place), contents) for place, contents in enumerate(days)]
    expected: dict[str, list[bytes]] = {}
    for turn in range(3):
        for day, contents in named:
            if turn < len(contents):
                body = contents[turn].of(day.isoformat())
                path = source / f"catscan-{REPORT}-{day}.csv"
                path.write_bytes(body)
                (outcome,) = archive_files(store=store, archive=archive, files=[(str(path), REPORT)], check=False, clock=_now, host="catscan")
                known = expected.setdefault(path.name, [])
                assert outcome.status == (UNCHANGED if body in known else UPLOADED), outcome
                if body not in known:
                    known.append(body)

    wanted = Wanted((REPORT,))
    results = restore.restore(store=store, archive=archive, wanted=wanted, into=Folder(str(target), flat=True))
    assert restore.exit_code(results) == errors.OK
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {name: bodies[-1] for name, bodies in expected.items()}
    assert [result.rows for result in results] == [_rows(contents, day.isoformat()) for day, contents in named]
    checked = verify.verify(store=store, archive=archive, wanted=wanted, depth=Depth(rows=True))
    assert verify.exit_code(checked) == errors.OK
    assert verify.totals(checked).objects == sum(len(bodies) for bodies in expected.values())


@pytest.mark.parametrize("harm", ["hidden", "deleted", "cut"])
def test_f46_w18_what_was_lost_is_made_good_by_archiving_its_file_again(store: Store, archive: Archive, tmp_path: Path, harm: str) -> None:
    def archived() -> Outcome:
        (outcome,) = archive_files(store=store, archive=archive, files=[(str(path), REPORT)], check=False, clock=_now, host="catscan")
        return outcome

    path, wanted = write_csv(tmp_path), Wanted((REPORT,))
    first, where = archived(), {"Bucket": archive.bucket, "Key": object_key(archive, report=REPORT, day="2026-01-31")}
    if harm == "cut":
        store.client.put_object(**where, Body=b"cut")
    else:
        store.client.delete_object(**where, **({"VersionId": first.version_id} if harm == "deleted" else {}))
    assert verify.exit_code(verify.verify(store=store, archive=archive, wanted=wanted)) == errors.DAMAGED
    again = archived()
    assert (again.status, again.revision) == (UPLOADED, 2)
    checked = verify.verify(store=store, archive=archive, wanted=wanted)
    assert verify.exit_code(checked) == errors.OK
    assert REPLACED in {result.status for result in checked}
    (back,) = restore.restore(store=store, archive=archive, wanted=wanted, into=Folder(str(tmp_path / "back")))
    assert (back.revision, Path(back.path).read_bytes()) == (2, path.read_bytes())


def _rows(contents: list[Content], day: str) -> int:
    """How many rows the last new content of a day has."""
    bodies: dict[bytes, int] = {}
    for content in contents:
        bodies.setdefault(content.of(day), len(content.rows))
    return list(bodies.values())[-1]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
