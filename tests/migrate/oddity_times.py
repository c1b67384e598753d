"""Days, times and moments in the many forms in which SQLite keeps them."""

from __future__ import annotations

from oddity_words import ASIDE, EMPTY_IS_NULL, MOMENT, MOMENT_ZONE, cast, cells, misfit

TIME_ODDITIES = (
    cells("moments", "DATETIME", ["'2026-01-31 10:00:00'", "'2026-01-31 10:00'"], MOMENT, ["2026-01-31 10:00:00", "2026-01-31 10:00:00"]),
    cells(
        "moments with T and fractions",
        "DATETIME",
        ["'2026-01-31T10:00:00.5'", "'2026-01-31T10:00:00.123456'"],
        MOMENT,
        ["2026-01-31 10:00:00.5", "2026-01-31 10:00:00.123456"],
    ),
    cells("moments and days", "DATETIME", ["'2026-01-31'", "'2026-01-31 10:00:00'"], MOMENT, ["2026-01-31 00:00:00", "2026-01-31 10:00:00"]),
    cells(
        "moments with a zone",
        "DATETIME",
        ["'2026-01-31T10:00:00Z'", "'2026-01-31 10:00:00+02:00'"],
        MOMENT_ZONE,
        settings={},
    ),
    misfit("moments with and without a zone", "DATETIME", ["'2026-01-31T10:00:00Z'", "'2026-01-31 10:00:00'"], cast("timestamptz"), kind=MOMENT_ZONE),
    cells("a zone as declared", "TIMESTAMP WITH TIME ZONE", ["'2026-01-31 10:00:00+02:00'"], MOMENT_ZONE),
    cells("seconds since 1970", "DATETIME", ["1767225600", "1767225601"], f"{MOMENT}|{MOMENT_ZONE}"),
    cells("milliseconds since 1970", "TIMESTAMP", ["1767225600123"], f"{MOMENT}|{MOMENT_ZONE}"),
    cells("microseconds since 1970", "DATETIME", ["1767225600123456"], f"{MOMENT}|{MOMENT_ZONE}"),
    cells("seconds with a fraction since 1970", "DATETIME", ["1767225600.5"], f"{MOMENT}|{MOMENT_ZONE}"),
    cells("Julian days", "DATETIME", ["2461041.5", "2461042.25"], f"{MOMENT}|{MOMENT_ZONE}"),
    misfit("a day that is none", "DATE", ["'2026-01-31'", "'0000-00-00'"], cast("text"), kind="text", shown=["2026-01-31", "0000-00-00"]),
    misfit("a moment that is none", "DATETIME", ["'2026-01-31 00:00:00'", "'0000-00-00 00:00:00'"], ASIDE, kind=MOMENT, misfits=1),
    misfit("the 30th of February", "DATE", ["'2026-01-31'", "'2026-02-30'"], ASIDE, kind="date", shown=["2026-01-31"], misfits=1),
    misfit("an empty moment", "DATETIME", ["'2026-01-31 10:00:00'", "''"], EMPTY_IS_NULL, kind=MOMENT, shown=["2026-01-31 10:00:00", None]),
    misfit(
        "a moment and a number", "DATETIME", ["'2026-01-31 10:00:00'", "1767225600"], cast("text"), kind="text", shown=["2026-01-31 10:00:00", "1767225600"]
    ),
    misfit("nanoseconds", "DATETIME", ["'2026-01-31 10:00:00.123456789'"], cast("text"), kind="text", shown=["2026-01-31 10:00:00.123456789"]),
    misfit("a moment in words", "DATETIME", ["'31 Jan 2026'"], cast("text"), kind="text", shown=["31 Jan 2026"]),
    cells("days", "DATE", ["'2026-01-31'", "NULL", "'0001-01-01'", "'9999-12-31'"], "date", ["2026-01-31", None, "0001-01-01", "9999-12-31"]),
    misfit(
        "moments in a column of days",
        "DATE",
        ["'2026-01-31'", "'2026-01-31 10:00:00'"],
        cast("timestamp"),
        kind=MOMENT,
        shown=["2026-01-31 00:00:00", "2026-01-31 10:00:00"],
    ),
    cells("times of day", "TIME", ["'10:00'", "'23:59:59.5'"], "time without time zone", ["10:00:00", "23:59:59.5"]),
    cells(
        "moments before 1970",
        "DATETIME",
        ["'1969-12-31 23:59:59.999999'", "'0001-01-01 00:00:00'"],
        MOMENT,
        ["1969-12-31 23:59:59.999999", "0001-01-01 00:00:00"],
    ),
    cells("moments as text", "TEXT", ["'2026-01-31T10:00:00.000Z'"], "text", ["2026-01-31T10:00:00.000Z"]),
    cells("moments as text, cast", "TEXT", ["'2026-01-31 10:00:00'"], MOMENT, ["2026-01-31 10:00:00"], settings=cast("timestamp")),
)
