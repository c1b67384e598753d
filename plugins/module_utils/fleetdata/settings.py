# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each setting of the archive may be. A check returns the value as the model has it, or raises ValueError with what is allowed."""

from __future__ import annotations

import datetime
import math
import os
import re
from collections.abc import Mapping
from typing import Any, Callable
from urllib.parse import urlsplit

from . import days, keys
from .errors import ConfigurationError
from .model import FAST, FILE_NAME, FIRST, LAST, ONLY, SMALL

Check = Callable[[Any], Any]


class Wrong(Exception):
    """What is wrong with the setting at ``path``, such as reports.performance.day_column."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}" if path else what)


def join(path: str, name: object) -> str:
    """The path of a setting within the settings at ``path``."""
    return f"{path}.{name}" if path else str(name)


def kind(value: object) -> str:
    """What JSON calls a value: a value itself may be a secret in the wrong place, so its kind is what is shown."""
    if value is None:
        return "null"
    kinds = ((bool, "true or false"), ((int, float), "a number"), (str, "text"), ((list, tuple), "a list"), (Mapping, "a mapping"))
    return next((name for types, name in kinds if isinstance(value, types)), type(value).__name__)


def text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {kind(value)}")
    if any(ord(character) < 32 for character in value if character != "\t"):
        raise ValueError("must not contain control characters")
    return value


def truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {kind(value)}")
    return value


def texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"must be a list of texts, not {kind(value)}")
    return tuple(text(item) for item in value)


def report_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise ValueError("the name of a report has letters, digits, - and _ only, at most 64")
    if value == "all":
        raise ValueError("this name is taken: it stands for every report")
    if f"{value}/" in keys.RESERVED:
        raise ValueError("this name is taken: what lies there is no report's")
    return value


def columns(value: object) -> tuple[str, ...]:
    names = texts(value)
    if "" in names:
        raise ValueError("a column has no name; leave the whole list empty to take any header")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{twice[0]!r} is listed twice; each column has a name of its own")
    return names


def bucket(value: object) -> str:
    name = text(value)
    address = re.fullmatch(r"\d+(\.\d+){3}", name)
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name) or ".." in name or address:
        raise ValueError(f"{short(name)} is not the name of a bucket: 3 to 63 small letters, digits, - and ., with a letter or digit at both ends")
    return name


def region(value: object) -> str:
    name = text(value)
    if not re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}", name):
        raise ValueError(f"{short(name)} is not the name of a region such as eu-central-1")
    return name


def prefix(value: object) -> str:
    beginning = text(value)
    if beginning and not re.fullmatch(r"([A-Za-z0-9!_.*'()=-]+/)+", beginning):
        raise ValueError(f"{short(beginning)} must be empty or folders such as reports/daily/, of letters, digits and !_.*'()=-, with a slash at the end only")
    return beginning


def absolute(value: object) -> str:
    path = text(value)
    if path and not os.path.isabs(path):
        raise ValueError(f"{short(path)} is not an absolute path; begin it with /")
    return path


def patterns(value: object) -> tuple[str, ...]:
    return tuple(_not_empty(absolute(path)) for path in texts(value))


def _not_empty(path: str) -> str:
    if not path:
        raise ValueError("an entry is empty; each is the absolute path of files, such as /srv/reports/*.csv")
    return path


def endpoint(value: object) -> str:
    url = text(value)
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or parts.query or parts.fragment):
        raise ValueError("must be empty for AWS itself, or an address such as https://s3.example.net:9000, without a user name, password or query")
    return url


def day(value: object) -> str:
    said = text(value)
    try:
        good = not said or datetime.date.fromisoformat(said).isoformat() == said
    except ValueError:
        good = False
    if not good:
        raise ValueError(f"{short(said)} is not a day such as 2026-01-31")
    return said


def day_format(value: object) -> str:
    return _judged("day_format", text(value), lambda pattern: days.DayReader(day_format=pattern))


def file_day(value: object) -> str:
    return _judged("file_day", text(value), days.compile_file_day) if value != "" else ""


def key(value: object) -> str:
    return _judged("key", text(value), keys.check_template)


def _judged(name: str, value: str, judge: Callable[[str], object]) -> str:
    """A value that the library itself judges; its sentence begins with the setting's name, which its path says already."""
    try:
        judge(value)
    except ConfigurationError as error:
        raise ValueError(str(error)[len(name) + 1 :].rstrip(".")) from None
    return value


def delimiter(value: object) -> str:
    character = text(value)
    if len(character) != 1 or not character.isascii() or character.isalnum() or character in "\"'":
        raise ValueError(f"{short(character)} cannot part fields; use one character such as a comma, a semicolon, a tab or |")
    return character


def one_of(*allowed: str) -> Check:
    def check(value: object) -> str:
        if text(value) not in allowed:
            raise ValueError(f"{short(str(value))} is not one of {', '.join(allowed)}")
        return str(value)

    return check


def whole(least: int, most: int) -> Check:
    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return check


def seconds(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value) or not 0 <= value <= 86400:
        raise ValueError("must be a number of seconds from 0 to 86400")
    return float(value)


def share(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value <= 1:
        raise ValueError("must be a number above 0, and 1 at most")
    return float(value)


def reports(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping of reports: the name of each, and below it day_column, columns, …")
    return value


def short(value: str) -> str:
    """A value as it is shown in an error."""
    return repr(value if len(value) <= 80 else value[:77] + "...")


REPORT: Mapping[str, Check] = {
    "columns": columns,
    "day_column": text,
    "day_format": day_format,
    "report_day": one_of(ONLY, FIRST, LAST, FILE_NAME),
    "file_day": file_day,
    "delimiter": delimiter,
    "final_newline": truth,
    "empty": truth,
    "extra_columns": truth,
    "files": patterns,
    "first_day": day,
    "late_after_hours": whole(0, 8784),
}
ARCHIVE: Mapping[str, Check] = {
    "bucket": bucket,
    "region": region,
    "reports": reports,
    "prefix": prefix,
    "key": key,
    "revisions": truth,
    "compression": one_of(FAST, SMALL),
    "settle_seconds": seconds,
    "concurrency": whole(1, 64),
    "delete_source": truth,
    "quarantine": absolute,
    "endpoint_url": endpoint,
}
