# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The type that a column becomes: what its declaration means, as far as its values agree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from . import conversions, fits, kinds
from .fits import BIGINT, BOOLEAN, BYTEA, DATE, DOUBLE, INT, JSON, NUMERIC, PLAIN, SMALLINT, STAMP, STAMP_ZONE, TIME, UUID, VARCHAR, Misfit
from .survey import BLOB, INTEGER, REAL, TEXT, Values

_EXACT = {
    "SMALLINT": SMALLINT, "INT2": SMALLINT, "TINYINT": SMALLINT, "TINYINT UNSIGNED": SMALLINT, "UNSIGNED TINYINT": SMALLINT, "MEDIUMINT": INT, "INT4": INT,
    "SMALLINT UNSIGNED": INT, "UNSIGNED SMALLINT": INT, "SERIAL": BIGINT, "BIGSERIAL": BIGINT, "LONG": BIGINT, "BOOL": BOOLEAN, "BOOLEAN": BOOLEAN,
    "DATE": DATE, "TIME": TIME, "DATETIME": STAMP, "TIMESTAMP": STAMP, "TIMESTAMPTZ": STAMP_ZONE, "TIMESTAMP WITH TIME ZONE": STAMP_ZONE,
    "TIMESTAMP WITHOUT TIME ZONE": STAMP, "JSON": JSON, "JSONB": JSON, "UUID": UUID, "GUID": UUID, "UNIQUEIDENTIFIER": UUID, "STRING": PLAIN,
    "BYTEA": BYTEA, "IMAGE": BYTEA, "NUMBER": NUMERIC, "MONEY": NUMERIC, "CURRENCY": NUMERIC, "INTERVAL": "", "POINT": "", "ANY": "", "": "",
}  # fmt: skip
_PARTS = (
    (("CHAR", "CLOB", "TEXT"), PLAIN), (("BLOB", "BINARY"), BYTEA), (("REAL", "FLOA", "DOUB"), DOUBLE), (("DECIMAL", "NUMERIC"), NUMERIC), (("INT",), BIGINT),
)  # fmt: skip
"""By the words in a declaration, in this order; what has none of them says nothing."""
_LIMITED = re.compile(r"\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
_DIGITS = 1000
"""The most that numeric takes."""
_INTERCHANGEABLE = frozenset({conversions.SECONDS, conversions.MILLISECONDS, conversions.MICROSECONDS, conversions.JULIAN, conversions.MOMENT})
_FROM = " from "


@dataclass(frozen=True)
class Choice:
    """A type, how values become one, why; what does not fit; and what is worth telling although nothing has to be done (by a word for its code)."""

    type: str
    conversion: str
    why: str
    misfits: list[Misfit] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)


def choose(*, declared: str, values: Values, cast: str = "", unscaled: int | None = None, empty_is_null: bool = False, replace: bool = False) -> Choice:
    """cast: the type that the migration declares, perhaps with ``from`` and a conversion. unscaled: numbers with more decimals than are declared.

    Raises ValueError with a sentence where the cast is none that is known.
    """
    if cast:
        kind, conversion = _cast(cast, values)
        choice = Choice(kind, conversion, "the migration declares this type")
    else:
        choice = _chosen(declared, values, unscaled)
    found = fits.misfits(
        kind=choice.type, conversion=choice.conversion, values=values, empty_is_null=empty_is_null, replace=replace, utc=bool(cast)
    )  # fmt: skip
    return Choice(choice.type, choice.conversion, choice.why, found, {**choice.told, **_changed(choice, values)})


def _cast(cast: str, values: Values) -> tuple[str, str]:
    said, _, wanted = cast.partition(_FROM)
    kind = fits.normal(said)
    conversion = fits.conversion_for(kind, values)
    if not conversion:
        raise ValueError(f"{said} is no type that values can be converted to")
    if not wanted:
        return kind, conversion
    if wanted not in _INTERCHANGEABLE or conversion not in _INTERCHANGEABLE:
        raise ValueError(f"{said} cannot be made from {wanted}; timestamps can, from {', '.join(sorted(_INTERCHANGEABLE - {conversions.MOMENT}))}")
    return kind, wanted


def intent(declared: str) -> str:
    """What a declaration means, as a type without limits; empty where it says nothing."""
    said = re.sub(r"\s+", " ", _LIMITED.sub("", declared)).strip().upper()
    if said in _EXACT:
        return _EXACT[said]
    return next((kind for words, kind in _PARTS if any(word in said for word in words)), "")


def _chosen(declared: str, values: Values, unscaled: int | None) -> Choice:
    meant = intent(declared)
    said = f"declared {declared}" if declared else "declared without a type"
    if not meant:
        return _by_values(said, values)
    if meant in fits.INTEGERS or meant in (DOUBLE, NUMERIC):
        return _number(meant, declared, values, unscaled)
    if meant == PLAIN:
        return _text(declared, values)
    if meant in (STAMP, STAMP_ZONE):
        return _moment(meant, said, values)
    if meant == BYTEA and values.types.keys() == {TEXT} and not fits.BROKEN & values.texts.keys():
        why = f"{said}, but all values are text"
        return Choice(PLAIN, conversions.TEXT, why, told={"type": f"{why}: text, not bytea"})
    return Choice(meant, fits.conversion_for(meant, values), said)


def _by_values(said: str, values: Values) -> Choice:
    """For a column of which nothing is known but its values."""
    types = set(values.types)
    if not types or types == {TEXT}:
        return Choice(PLAIN, conversions.TEXT, f"{said}; " + ("all values are text" if types else "there is no value"))
    if types <= {INTEGER, REAL}:
        return _number(BIGINT if INTEGER in types else DOUBLE, "", values, None)
    if BLOB in types and types <= {BLOB, TEXT}:
        return Choice(BYTEA, conversions.BYTES, f"{said}; values are blobs" + (" and texts" if TEXT in types else ""))
    return Choice(BYTEA if BLOB in types else PLAIN, conversions.BYTES if BLOB in types else conversions.TEXT, f"{said}; values are of several kinds")


def _number(meant: str, declared: str, values: Values, unscaled: int | None) -> Choice:
    """Numbers widen until all of them are exact."""
    said = f"declared {declared}" if declared else "declared without a type; all values are numbers"
    if not set(values.types) & {INTEGER, REAL}:
        return _limited(meant, declared, values, unscaled, said)
    exact = max(-(values.least or 0), values.most or 0) <= fits.EXACT
    if meant in fits.INTEGERS and REAL not in values.types:
        return _whole(meant, said, values)
    if meant == NUMERIC and not values.infinite:
        return _limited(meant, declared, values, unscaled, said)
    wider = DOUBLE if exact or values.infinite else NUMERIC
    if wider == meant:
        return Choice(meant, fits.conversion_for(meant, values), f"{said}; a double, as SQLite has it")
    why = f"{said}, but there are " + ("infinite reals" if values.infinite else "reals" if REAL in values.types else "integers that a double does not have")
    return Choice(wider, fits.conversion_for(wider, values), why, told={"type": f"{why}: {wider}, in which all of them are exact"})


def _whole(meant: str, said: str, values: Values) -> Choice:
    """BIGINT for INTEGER: SQLite's has 64 bits, and an application may use them tomorrow."""
    kind = next(name for name, end in fits.INTEGERS.items() if end >= fits.INTEGERS[meant] and fits.fits(name, values))
    if kind == meant:
        alone = values.types.keys() == {INTEGER}
        return Choice(kind, conversions.INTEGER, f"{said}; {'all values are' if alone else 'there are'} integers that fit")
    why = f"{said}, but its integers go beyond {meant}"
    return Choice(kind, conversions.INTEGER, why, told={"type": f"{why}: {kind}"})


def _limited(meant: str, declared: str, values: Values, unscaled: int | None, said: str) -> Choice:
    """NUMERIC with its limits only where no value has more digits: PostgreSQL would round it, SQLite does not."""
    room = declared_limits(declared)
    if meant != NUMERIC or not _LIMITED.search(declared):
        return Choice(meant, fits.conversion_for(meant, values), said)
    if room and (unscaled == 0 or not values.types):
        digits, decimals = room
        return Choice(f"{NUMERIC}({digits},{decimals})", conversions.NUMERIC, f"{said}; all values fit")
    why = f"{said}, but not all values are known to have so few digits"
    return Choice(NUMERIC, conversions.NUMERIC, why, told={"limit": f"{why}: numeric without a limit, which keeps every digit"})


def declared_limits(declared: str) -> tuple[int, int] | None:
    """How many digits, and how many of them behind the point, a NUMERIC declares; None where it is none that PostgreSQL knows, or says nothing."""
    found = _LIMITED.search(declared)
    if not found or intent(declared) != NUMERIC:
        return None
    digits, decimals = int(found.group(1)), int(found.group(2) or 0)
    return (digits, decimals) if 0 < digits <= _DIGITS and decimals <= digits else None


def _text(declared: str, values: Values) -> Choice:
    found = _LIMITED.search(declared)
    conversion = fits.conversion_for(PLAIN, values)
    said = f"declared {declared}"
    if "CHAR" not in declared.upper() or not found or not 0 < int(found.group(1)) <= 10_485_760:
        return Choice(PLAIN, conversion, said)
    if values.longest > int(found.group(1)):
        why = f"{said}, but the longest value has {values.longest} characters"
        return Choice(PLAIN, conversion, why, told={"limit": f"{why}: text, without a limit, as SQLite has none"})
    return Choice(f"{VARCHAR}({int(found.group(1))})", conversion, f"{said}; all values fit, none is padded")


def _moment(meant: str, said: str, values: Values) -> Choice:
    """Texts with a zone, and numbers, are instants; texts without one are what a clock on some wall showed."""
    conversion = fits.conversion_for(meant, values)
    if conversion != conversions.MOMENT:
        why = f"{said}; all values are numbers that are {conversion} between 1971 and 2100, which count in UTC"
        return Choice(STAMP_ZONE, conversion, why, told={"type": why})
    if kinds.MOMENT_ZONE in values.texts:
        why = f"{said}; there are texts with a time zone"
        return Choice(STAMP_ZONE, conversion, why, told={"type": f"{why}: the instant is kept, not the zone it was written in"})
    if kinds.MOMENT in values.texts or kinds.DATE in values.texts:
        return Choice(STAMP, conversion, f"{said}; texts have no time zone")
    return Choice(meant, conversion, said)


def _changed(choice: Choice, values: Values) -> dict[str, str]:
    """What another form of the same value loses."""
    types = values.types
    if choice.conversion == conversions.BYTES and TEXT in types:
        return {"bytes": f"{types[TEXT]} texts become bytes: whether a value was text or blob is not kept"}
    if choice.conversion == conversions.ANY_TEXT and not choice.told:
        return {"type": "numbers become text, as SQLite writes them: 1 and '1' are then the same"}
    if choice.conversion == conversions.UUID and len(set(fits.classes(values))) > 1:
        return {"type": "texts and blobs become the same UUIDs"}
    return {}
