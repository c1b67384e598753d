"""The calendar says of every day one thing, and it is true: F73, CS-28 (three report types), CS-51 (what it costs)."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import calendar_view as view
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import catalogue as listing
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import keys, prices
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.calendar_html import page
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.calendar_text import PLAIN, style, text
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.catalogue import Catalogue, catalogue, classify
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive, Manifest, ReportType
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.prices import GIB, KIB_128, Storage, cost_per_month, one_object
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archived_days import described, put_day, put_object
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = ("performance", "funnel-geo", "funnel-publishers")
UTC = datetime.UTC
NOON = datetime.datetime(2026, 3, 10, 12, tzinfo=UTC)
WHOLE = "whole"


def archive_of(*, first_day: str = "2026-03-01", late_after_hours: int = 36, **fields: Any) -> Archive:
    reports = {name: ReportType(name=name, first_day=first_day, late_after_hours=late_after_hours) for name in NAMES}
    return Archive(**({"bucket": "reports", "region": "eu-central-1", "reports": reports} | fields))


def held(
    archive: Archive,
    days: Mapping[str, Mapping[int, str]],
    *,
    report: str = NAMES[0],
    rows: int = 3,
    storage_class: str = "STANDARD",
    foreign: tuple[str, ...] = (),
) -> Catalogue:
    """What a list and the manifests make of days; for each revision: WHOLE or what is wrong with it."""
    sizes: dict[str, dict[str, int]] = {}
    manifests: dict[str, Manifest | str] = {}
    for day, revisions in days.items():
        of_day = sizes.setdefault(day, {})
        for revision, state in revisions.items():
            said = described(archive, day, report=report, revision=revision, content=b"Day\n" + f"{day}\n".encode() * rows)
            of_day[said.key] = said.object_bytes
            if state != listing.UNFINISHED:
                of_day[keys.manifest_key(said.key)] = 700
                manifests[keys.manifest_key(said.key)] = dataclasses.replace(said, verified=state != listing.MARKED, version_id=f"version-of-{day}")
            if state == listing.LOST:
                del of_day[said.key]
    classes = dict.fromkeys((key for of_day in sizes.values() for key in of_day), storage_class)
    return classify(archive, listing.Listing(report=report, days=dict(sorted(sizes.items())), foreign=foreign, classes=classes), manifests)


def days_between(first: str, last: str) -> list[str]:
    begin, end = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    return [(begin + datetime.timedelta(days=number)).isoformat() for number in range((end - begin).days + 1)]


def states(shown: view.Calendar) -> dict[str, str]:
    return {day.day: day.state for day in shown.reports[0].days}


@pytest.mark.parametrize(
    ("revisions", "rows", "state"),
    [
        ({1: WHOLE}, 3, view.ARCHIVED),
        ({1: WHOLE}, 0, view.EMPTY),
        ({1: WHOLE, 2: WHOLE}, 3, view.REVISED),
        ({1: WHOLE, 2: WHOLE}, 0, view.REVISED),
        ({1: listing.UNFINISHED}, 3, view.CONFLICTING),
        ({1: WHOLE, 2: listing.UNFINISHED}, 3, view.CONFLICTING),
        ({1: listing.UNFINISHED, 2: WHOLE}, 3, view.CONFLICTING),
        ({1: listing.MARKED}, 3, view.CONFLICTING),
        ({1: WHOLE, 2: listing.MARKED}, 3, view.CONFLICTING),
        # Archived again after it had read back wrong: settled, and nothing may be deleted.
        ({1: listing.MARKED, 2: WHOLE}, 3, view.ARCHIVED),
        ({1: WHOLE, 2: listing.MARKED, 3: WHOLE}, 3, view.REVISED),
        ({1: listing.LOST}, 3, view.CONFLICTING),
        ({1: WHOLE, 2: listing.LOST}, 3, view.CONFLICTING),
        ({2: WHOLE}, 3, view.CONFLICTING),
    ],
)
def test_f73_what_lies_there_makes_the_state_of_a_day(revisions: dict[int, str], rows: int, state: str) -> None:
    archive = archive_of()
    shown = view.calendar(archive=archive, catalogues=[held(archive, {"2026-03-04": revisions}, rows=rows)], now=NOON)
    assert states(shown)["2026-03-04"] == state
    day = next(day for day in shown.reports[0].days if day.day == "2026-03-04")
    assert bool(day.reasons) == any(state != WHOLE for state in revisions.values()) or 1 not in revisions
    # A lost object's rows are not there, whatever its manifest says.
    assert shown.totals.rows == (rows if revisions.get(max(revisions)) in (WHOLE, listing.MARKED, listing.UNFINISHED) and WHOLE in revisions.values() else 0)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("2024-02-29T00:00:00+00:00", view.EXPECTED),
        ("2024-02-29T23:59:59.999999+00:00", view.EXPECTED),
        ("2024-03-01T00:00:00+00:00", view.LATE),
        # Midnight in Frankfurt is not the end of the day, in New York the day is over long before.
        ("2024-03-01T00:30:00+01:00", view.EXPECTED),
        ("2024-02-29T19:00:00-05:00", view.LATE),
        ("2024-03-02T11:59:59+00:00", view.LATE),
        ("2024-03-02T12:00:00+00:00", view.MISSING),
        ("2024-03-02T13:00:00+01:00", view.MISSING),
        ("2024-03-02T12:59:59+01:00", view.LATE),
    ],
)
def test_f73_a_day_is_late_when_it_is_over_in_utc_and_missing_when_its_time_is_up(now: str, state: str) -> None:
    assert view.state(report=ReportType(name="performance"), day="2024-02-29", found=None, now=datetime.datetime.fromisoformat(now)) == state


def test_f73_without_any_patience_a_day_is_missing_at_midnight() -> None:
    report = ReportType(name="performance", late_after_hours=0)
    assert view.state(report=report, day="2026-03-09", found=None, now=datetime.datetime(2026, 3, 10, tzinfo=UTC)) == view.MISSING


def test_f73_every_day_since_the_first_is_shown_leap_days_too() -> None:
    archive = archive_of(first_day="2024-02-27")
    shown = view.calendar(archive=archive, catalogues=[held(archive, {"2024-02-28": {1: WHOLE}})], now=datetime.datetime(2024, 3, 2, 13, tzinfo=UTC))
    assert states(shown) == {
        "2024-02-27": view.MISSING,
        "2024-02-28": view.ARCHIVED,
        "2024-02-29": view.MISSING,
        "2024-03-01": view.LATE,
        "2024-03-02": view.EXPECTED,
    }


@pytest.mark.parametrize(
    ("first_day", "archived", "expected"),
    [
        ("2026-03-08", (), ["2026-03-08", "2026-03-09", "2026-03-10"]),
        ("", ("2026-03-09",), ["2026-03-09", "2026-03-10"]),
        ("", (), []),
        ("2026-03-11", (), []),
        # What is archived is shown, expected or not.
        ("2026-03-10", ("2026-03-01", "2026-04-01"), ["2026-03-01", "2026-03-10", "2026-04-01"]),
        ("2026-03-10", ("0206-03-01", "9999-12-31"), ["0206-03-01", "2026-03-10", "9999-12-31"]),
    ],
)
def test_f73_days_begin_with_the_declared_or_first_archived_one(first_day: str, archived: tuple[str, ...], expected: list[str]) -> None:
    archive = archive_of(first_day=first_day)
    shown = view.calendar(archive=archive, catalogues=[held(archive, {day: {1: WHOLE} for day in archived})], now=NOON)
    assert list(states(shown)) == expected


def test_f73_a_misdated_report_does_not_make_a_calendar_of_two_thousand_years() -> None:
    archive = archive_of(first_day="")
    shown = view.calendar(archive=archive, catalogues=[held(archive, {"0206-03-01": {1: WHOLE}})], now=NOON)
    assert 36_000 < len(states(shown)) < 37_000


def test_f73_only_the_days_asked_for_are_shown() -> None:
    archive = archive_of()
    found = held(archive, {"2026-03-04": {1: WHOLE}})
    shown = view.calendar(archive=archive, catalogues=[found], now=NOON, first="2026-03-03", last="2026-03-05")
    assert states(shown) == {"2026-03-03": view.MISSING, "2026-03-04": view.ARCHIVED, "2026-03-05": view.MISSING}


@settings(deadline=None, max_examples=60)
@given(
    days=st.dictionaries(
        st.dates(datetime.date(2023, 12, 20), datetime.date(2024, 4, 10)).map(datetime.date.isoformat),
        st.dictionaries(st.integers(1, 4), st.sampled_from([WHOLE, listing.UNFINISHED, listing.MARKED, listing.LOST]), min_size=1, max_size=3),
        max_size=8,
    ),
    first_day=st.sampled_from(["", "2024-01-01", "2024-02-29"]),
    now=st.datetimes(datetime.datetime(2024, 1, 1), datetime.datetime(2024, 4, 1), timezones=st.just(UTC)),
    storage_class=st.sampled_from(["STANDARD", "STANDARD_IA"]),
)
def test_f73_every_day_has_one_state_and_totals_add_up(days: dict[str, dict[int, str]], first_day: str, now: datetime.datetime, storage_class: str) -> None:
    archive = archive_of(first_day=first_day)
    catalogues = [held(archive, days, storage_class=storage_class), held(archive, {}, report=NAMES[1])]
    shown = view.calendar(archive=archive, catalogues=catalogues, now=now)
    report = shown.reports[0]
    begin = first_day or min(days, default="")
    due = set(days_between(begin, now.date().isoformat())) if begin else set()
    assert [day.day for day in report.days] == sorted(due | set(days))
    assert all(day.state in (*view.STATES, view.EXPECTED) for day in report.days)
    assert all((day.state in (view.MISSING, view.LATE, view.EXPECTED)) == (day.day not in days) for day in report.days)
    for one in shown.reports:
        assert sum(one.totals.states.values()) == len(one.days)
    assert shown.totals.states == {state: sum(one.totals.states[state] for one in shown.reports) for state in shown.totals.states}
    for name in ("archived", "rows", "content_bytes", "object_bytes"):
        assert getattr(shown.totals, name) == sum(getattr(one.totals, name) for one in shown.reports)
    assert shown.totals.object_bytes == sum(item.size for found in catalogues for day in found.days.values() for item in day.objects)
    assert shown.totals.cost_per_month == pytest.approx(sum(one.totals.cost_per_month or 0 for one in shown.reports))
    in_problems = {day for one in shown.problems if one.report == NAMES[0] and one.first for day in days_between(one.first, one.last)}
    assert in_problems >= {day.day for day in report.days if day.state in view.PROBLEMS}
    cells = Page.of(page(shown)).cells
    assert [state for state, _ in cells] == [day.state for one in shown.reports for day in one.days]


def test_f73_gaps_are_named_as_ranges() -> None:
    archive = archive_of(first_day="2026-02-26")
    days = [day for day in days_between("2026-02-27", "2026-03-10") if day not in ("2026-02-28", "2026-03-01", "2026-03-04", "2026-03-05", "2026-03-06")]
    shown = view.calendar(archive=archive, catalogues=[held(archive, {day: {1: WHOLE} for day in days})], now=NOON)
    said = [str(problem) for problem in shown.problems]
    assert said == ["performance: missing 2026-02-26", "performance: missing 2026-02-28..03-01", "performance: missing 2026-03-04..06"]
    assert all(f"  {line}\n" in text(shown) for line in said)
    assert view.span("2025-12-30", "2026-01-02") == "2025-12-30..2026-01-02"


def test_f73_the_worst_comes_first_with_its_reason() -> None:
    archive = archive_of(first_day="2026-03-07")
    found = held(archive, {"2026-03-08": {1: listing.UNFINISHED}}, foreign=("performance/notes.txt",))
    shown = view.calendar(archive=archive, catalogues=[found], now=NOON)
    assert [problem.state for problem in shown.problems] == [view.CONFLICTING, view.CONFLICTING, view.MISSING, view.LATE]
    assert "performance/notes.txt" in str(shown.problems[0])
    assert "2026-03-08" in str(shown.problems[1])
    assert "has no manifest" in str(shown.problems[1])
    assert shown.verdict == "Days with a problem: 1 conflicting, 1 missing, 1 late."


@pytest.mark.parametrize(
    ("days", "foreign", "verdict"),
    [
        (("2026-03-09", "2026-03-10"), (), "Every day that is due is archived and verified."),
        (("2026-03-09",), ("performance/x",), "Every day that is due is archived and verified, but there are other problems."),
        ((), (), "Nothing is archived."),
    ],
)
def test_f73_a_verdict_never_sounds_better_than_it_is(days: tuple[str, ...], foreign: tuple[str, ...], verdict: str) -> None:
    archive = archive_of(first_day="")
    shown = view.calendar(archive=archive, catalogues=[held(archive, {day: {1: WHOLE} for day in days}, foreign=foreign)], now=NOON)
    assert shown.verdict == verdict


def test_f73_a_report_of_which_nothing_is_known_is_no_green_light() -> None:
    archive = archive_of(first_day="")
    shown = view.calendar(archive=archive, catalogues=[held(archive, {"2026-03-09": {1: WHOLE}}), held(archive, {}, report="funnel-geo")], now=NOON)
    assert [(problem.report, problem.state) for problem in shown.problems] == [("funnel-geo", view.MISSING)]
    assert "other problems" in shown.verdict
    assert "funnel-geo: missing: Nothing is archived; declare its first_day" in text(shown)


@pytest.mark.parametrize(
    ("region", "storage", "cost"),
    [
        ("us-east-1", {"STANDARD": Storage(1, 100 * GIB, 100 * GIB)}, 2.30),
        ("eu-central-1", {"STANDARD": Storage(1, 36 * GIB, 36 * GIB)}, 36 * 0.0245),
        ("eu-central-1", {"STANDARD": Storage(1, GIB, GIB), "STANDARD_IA": Storage(1, GIB, GIB)}, 0.0245 + 0.0135),
        ("us-east-1", {"STANDARD": Storage(1, 60 << 40, 60 << 40)}, 50 * 1024 * 0.023 + 10 * 1024 * 0.022),
        ("us-east-1", {"STANDARD": Storage(1, 600 << 40, 600 << 40)}, 1024 * (50 * 0.023 + 450 * 0.022 + 100 * 0.021)),
        ("us-east-1", {}, 0.0),
        ("us-east-1", {"GLACIER": Storage(1, 1, 1)}, None),
        ("us-east-1", {"STANDARD": Storage(1, GIB, GIB), "GLACIER": Storage(1, 1, 1)}, None),
        ("ap-south-2", {"STANDARD": Storage(1, 1, 1)}, None),
        ("ap-south-2", {}, None),
    ],
)
def test_cs51_the_cost_is_that_of_the_list_prices_or_unknown(region: str, storage: dict[str, Storage], cost: float | None) -> None:
    assert cost_per_month(region=region, storage=storage) == (None if cost is None else pytest.approx(cost))
    said = prices.basis(region=region, storage=storage)
    assert prices.AS_OF in said
    assert ("No price is known" in said) == (cost is None)
    assert region in said


@pytest.mark.parametrize(("name", "size", "billed"), [("STANDARD", 9, 9), ("STANDARD_IA", 9, KIB_128), ("STANDARD_IA", KIB_128 + 1, KIB_128 + 1)])
def test_cs51_a_small_object_in_infrequent_access_is_billed_as_128_kib(name: str, size: int, billed: int) -> None:
    assert one_object(storage_class=name, size=size) == Storage(objects=1, bytes=size, billed_bytes=billed)


def test_cs51_date_and_currency_are_in_every_output_and_an_unknown_price_is_said() -> None:
    for region, said in (("eu-central-1", "Cost: USD a month"), ("sa-east-1", "No price is known for region sa-east-1")):
        archive = archive_of(region=region)
        shown = view.calendar(archive=archive, catalogues=[held(archive, {"2026-03-04": {1: WHOLE}})], now=NOON)
        for output in (text(shown), page(shown), json.dumps(view.as_dict(shown))):
            assert said in output
            assert prices.AS_OF in output
            assert "USD" in output


@pytest.mark.parametrize(
    ("encoding", "environ", "terminal", "colour", "ascii_only"),
    [
        ("utf-8", {}, True, True, False),
        ("UTF8", {}, False, False, False),
        ("utf-8", {"TERM": "dumb"}, True, False, False),
        ("utf-8", {"NO_COLOR": "1"}, True, False, True),
        ("utf-8", {"NO_COLOR": ""}, True, True, False),
        ("iso8859-15", {}, True, False, True),
        ("ascii", {}, False, False, True),
    ],
)
def test_f73_a_terminal_gets_what_it_can_show(encoding: str, environ: dict[str, str], terminal: bool, colour: bool, ascii_only: bool) -> None:
    archive = archive_of()
    chosen = style(encoding=encoding, environ=environ, terminal=terminal)
    shown = text(
        view.calendar(archive=archive, catalogues=[held(archive, {"2026-03-04": {1: WHOLE}, "2026-03-05": {1: listing.UNFINISHED}})], now=NOON), style=chosen
    )
    assert ("\x1b[" in shown) == colour
    assert shown.isascii() == ascii_only


def test_f73_cs28_a_row_of_cells_a_month_in_80_columns() -> None:
    archive = archive_of(first_day="2026-01-30")
    days: dict[str, dict[int, str]] = {day: {1: WHOLE} for day in days_between("2026-01-30", "2026-03-08")}
    days |= {"2026-02-02": {1: WHOLE, 2: WHOLE}, "2026-02-03": {1: listing.UNFINISHED}}
    del days["2026-02-04"], days["2026-03-08"]
    shown = text(view.calendar(archive=archive, catalogues=[held(archive, days, report=name) for name in NAMES], now=NOON), style=PLAIN)
    assert max(len(line) for line in shown.splitlines() if "s3://" not in line) <= 80
    rows = [line for line in shown.splitlines() if re.match(r"\d{4}-\d{2}  ", line)]
    assert rows[:3] == [
        f"2026-01  {'  ' * 29}# #",
        f"2026-02  # R ! x {'# ' * 24}".rstrip(),
        "2026-03  # # # # # # # x ~",
    ]
    assert len(rows) == 9
    for name in NAMES:
        assert f"{name}: 2026-01-30 to 2026-03-10, 35 of 39 days archived" in shown
    for state, meaning in view.STATES.items():
        assert f"{state}: {meaning}" in shown


class Page(HTMLParser):
    """A page as a browser's parser sees it; complains about a tag that is not closed where it must be."""

    VOID = ("meta", "br", "hr", "img", "link", "input")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""

    @classmethod
    def of(cls, html: str) -> Page:
        parsed = cls()
        parsed.feed(html)
        parsed.close()
        assert not parsed.open
        return parsed

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data if "style" not in self.open else ""

    @property
    def cells(self) -> list[tuple[str, str]]:
        """State and title of every day."""
        return [(attributes["class"] or "", attributes["title"] or "") for tag, attributes in self.tags if tag == "td" and "title" in attributes]


def test_f73_cs28_the_page_is_whole_in_itself_and_says_what_each_day_holds() -> None:
    archive = archive_of(first_day="2026-02-27")
    days = {"2026-02-28": {1: WHOLE}, "2026-03-01": {1: WHOLE, 2: WHOLE}, "2026-03-02": {1: listing.UNFINISHED}}
    shown = view.calendar(archive=archive, catalogues=[held(archive, days, report=name) for name in NAMES], now=NOON)
    html = page(shown)
    parsed = Page.of(html)
    names = [tag for tag, _ in parsed.tags]
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(names)
    assert not re.search(r"url\(|@import|https?://", html)
    assert not any(name in ("src", "href") or name.startswith("on") for _, attributes in parsed.tags for name in attributes)
    assert ("html", {"lang": "en"}) in parsed.tags
    assert names.count("title") == names.count("h1") == names.count("main") == 1
    # Table semantics: every header cell says what it heads, every table of days has its months as rows.
    assert all(attributes.get("scope") in ("row", "col") for tag, attributes in parsed.tags if tag == "th")
    assert names.count("table") == 4
    labels = [attributes.get("aria-labelledby") for _, attributes in parsed.tags if attributes.get("aria-labelledby")]
    assert set(labels) <= {attributes.get("id") for _, attributes in parsed.tags}
    titles = dict((title[:10], (state, title)) for state, title in parsed.cells[: len(shown.reports[0].days)])
    assert titles["2026-03-01"][0] == view.REVISED
    assert re.fullmatch(r"2026-03-01: revised, 3 rows, 37 B, revision 2 of 2, version version-of-2026-03-01", titles["2026-03-01"][1])
    assert "has no manifest" in titles["2026-03-02"][1]
    assert titles["2026-02-27"] == (view.MISSING, "2026-02-27: missing")
    # Colour is never the only sign: a cell has its mark and, for a screen reader, its state.
    assert 'title="2026-02-27: missing"><span aria-hidden="true">\N{BALLOT X}</span><span class="hidden">missing</span></td>' in html
    assert parsed.words.index("Problems") < parsed.words.index("Legend") < parsed.words.index("Totals")
    assert "2026-03-10T12:00:00Z" in parsed.words


HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\x00"


def test_f73_hostile_names_stay_text() -> None:
    archive = archive_of(bucket=HOSTILE, region=HOSTILE)
    found = held(archive, {"2026-03-04": {1: WHOLE}}, foreign=(f"performance/{HOSTILE}",))
    day = found.days["2026-03-04"]
    revision = day.revisions[0]
    assert revision.manifest is not None
    hostile = dataclasses.replace(revision, manifest=dataclasses.replace(revision.manifest, version_id=HOSTILE))
    found = dataclasses.replace(found, days={"2026-03-04": dataclasses.replace(day, revisions=(hostile,))})
    shown = view.calendar(archive=archive, catalogues=[found], now=NOON)
    html = page(shown)
    parsed = Page.of(html)
    assert "script" not in [tag for tag, _ in parsed.tags]
    assert any("<script>alert(1)</script>\"'&" in title for _, title in parsed.cells)
    for output in (html, text(shown)):
        assert "\x1b" not in output
        assert "\x00" not in output
    assert json.loads(json.dumps(view.as_dict(shown)))["bucket"] == HOSTILE


def test_f73_the_json_form_says_all_of_every_day() -> None:
    archive = archive_of()
    shown = view.calendar(archive=archive, catalogues=[held(archive, {"2026-03-04": {1: WHOLE}}, storage_class="STANDARD_IA")], now=NOON)
    said: Any = json.loads(json.dumps(view.as_dict(shown)))
    days = {day["day"]: day for day in said["reports"][0]["days"]}
    assert days["2026-03-05"] == {"day": "2026-03-05", "state": "missing"}
    assert (days["2026-03-04"]["state"], days["2026-03-04"]["rows"], days["2026-03-04"]["revision"]) == ("archived", 3, 1)
    assert days["2026-03-04"]["uri"].startswith("s3://reports/performance/2026/03/04/")
    assert days["2026-03-04"]["storage"]["STANDARD_IA"]["billed_bytes"] == 2 * KIB_128
    assert said["totals"]["states"]["archived"] == 1
    assert said["problems"][0] == {"report": "performance", "state": "missing", "first": "2026-03-01", "last": "2026-03-03", "reason": ""}


def test_f73_cs28_cs51_a_real_bucket(archive: Archive, store: Store) -> None:
    for name in NAMES:
        put_day(store, archive, "2026-03-08", report=name)
    put_day(store, archive, "2026-03-08", revision=2, content=b"Day\n2026-03-08\n")
    put_object(store, archive, "2026-03-09", report="funnel-geo")
    found = [catalogue(store=store, archive=archive, report=name) for name in NAMES]
    shown = view.calendar(archive=archive, catalogues=found, now=NOON)
    assert [[day.state for day in report.days] for report in shown.reports] == [
        [view.REVISED, view.LATE, view.EXPECTED],
        [view.ARCHIVED, view.CONFLICTING, view.EXPECTED],
        [view.ARCHIVED, view.LATE, view.EXPECTED],
    ]
    assert {name: kept.objects for name, kept in shown.totals.storage.items()} == {"STANDARD": 9}
    assert shown.totals.rows == 1 + 3 + 3
