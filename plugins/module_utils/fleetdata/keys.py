# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an object lies: key from report, day and revision, and back."""

from __future__ import annotations

import datetime
import re
import string
from dataclasses import dataclass

from .errors import ConfigurationError
from .model import Archive

MANIFEST = ".manifest.json"
"""What the key of an object's manifest has behind the object's own."""
PROBE = "_fleetdata-probe.json"
ROWS = "_rows/"
"""Below an archive's prefix: the rows of tables, beside the reports."""
RESERVED = (ROWS, "_backups/")
"""What lies below an archive's prefix and is no report's, whatever the key template."""
_PARTS = {
    "report": r"(?P<report>[A-Za-z0-9_-]+)",
    "yyyy": r"(?P<yyyy>\d{4})",
    "mm": r"(?P<mm>\d{2})",
    "dd": r"(?P<dd>\d{2})",
    "day": r"(?P<day>\d{4}-\d{2}-\d{2})",
}
_ENDING = ".csv.gz"


@dataclass(frozen=True)
class Place:
    """What a key says. day: ISO. manifest: whether it is the key of a manifest."""

    report: str
    day: str
    revision: int
    manifest: bool = False


def check_template(template: str) -> None:
    """Raise ConfigurationError unless every report and day has a key of its own under ``template``."""
    try:
        fields = [name for _, name, spec, conversion in string.Formatter().parse(template) if name is not None and not spec and not conversion]
        used = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise ConfigurationError(f"key {template!r}: {error}.") from None
    unknown = sorted(set(used) - set(_PARTS) | (set(used) - set(fields)))
    if unknown:
        raise ConfigurationError(f"key {template!r}: {unknown[0]!r} is not one of {', '.join(sorted(_PARTS))}.")
    if "report" not in fields or not ("day" in fields or {"yyyy", "mm", "dd"} <= set(fields)):
        raise ConfigurationError(f"key {template!r}: two reports or days would share a key; name {{report}}, and {{day}} or {{yyyy}}, {{mm}} and {{dd}}.")
    if not template.endswith(_ENDING) or template.startswith("/"):
        raise ConfigurationError(f"key {template!r}: it must end with {_ENDING} and not begin with a slash.")


def object_key(archive: Archive, *, report: str, day: str, revision: int = 1) -> str:
    """The key of one revision of a day's report. day: ISO."""
    year, month, of_month = day.split("-")
    key = archive.prefix + archive.key.format(report=report, day=day, yyyy=year, mm=month, dd=of_month)
    return key if revision == 1 else f"{key[: -len(_ENDING)]}.r{revision}{_ENDING}"


def manifest_key(key: str) -> str:
    """The key of an object's manifest."""
    return key + MANIFEST


def day_stem(archive: Archive, *, report: str, day: str) -> str:
    """What the keys of all revisions of a day and their manifests begin with."""
    return object_key(archive, report=report, day=day)[: -len(_ENDING)]


def report_stem(archive: Archive, *, report: str) -> str:
    """The longest common beginning of all keys of a report: what to list for all of its days."""
    template = archive.prefix + archive.key.replace("{report}", report)
    return template.partition("{")[0]


def probe_key(archive: Archive, *, report: str) -> str:
    """The key of the object with which ``check`` tries what the credentials can do among a report's keys; it is no report's."""
    return report_stem(archive, report=report) + PROBE


def read_key(archive: Archive, key: str) -> Place | None:
    """What a key says, None when it is none of this archive's."""
    manifest = key.endswith(MANIFEST)
    match = _pattern(archive).fullmatch(key[: -len(MANIFEST)] if manifest else key)
    if match is None:
        return None
    said = match.groupdict()
    days = {said["day"]} if said.get("day") else set()
    if said.get("yyyy"):
        days.add(f"{said['yyyy']}-{said['mm']}-{said['dd']}")
    day = days.pop()
    revision = int(said["revision"] or 1)
    if days or not is_day(day) or (said["revision"] and revision < 2):
        return None
    place = Place(report=said["report"], day=day, revision=revision, manifest=manifest)
    return place if key.startswith(object_key(archive, report=place.report, day=day, revision=revision)) else None


def _pattern(archive: Archive) -> re.Pattern[str]:
    seen: set[str] = set()
    text = re.escape(archive.prefix)
    for literal, name, _, _ in string.Formatter().parse(archive.key[: -len(_ENDING)]):
        text += re.escape(literal)
        if name is not None:
            text += f"(?P={name})" if name in seen else _PARTS[name]
            seen.add(name)
    if "yyyy" in seen and not {"mm", "dd"} <= seen:
        text = text.replace("(?P<yyyy>", "(?:")
    return re.compile(text + r"(?:\.r(?P<revision>\d{1,6}))?" + re.escape(_ENDING), re.ASCII)


def is_day(text: str) -> bool:
    """Whether ``text`` is a day as ISO writes it."""
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
