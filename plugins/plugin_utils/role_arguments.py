# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables judged by the roles' argument specifications: one sentence for each thing that is wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import NoLogError, SubParameterTypeError, UnsupportedError

Options = Mapping[str, Mapping[str, Any]]

# Ansible's messages, and what we make of them. Those that match none are sentences already.
_NAMES, _PLACE, _TYPES = r"'(?P<names>.+?)'", r"found in '(?P<place>.+?)'\.?", r"is of type (?P<is>\w+)"
_CONVERT = r" and we were unable to convert to (?P<to>\w+).*"
SENTENCES = (
    (r"missing required arguments: (?P<names>.+?)(?: found in (?P<place>.+))?", "{names} must be given{inside}"),
    (rf"argument {_NAMES} {_TYPES}(?: {_PLACE})?{_CONVERT}", "{names}{inside} must be of type {to}, not {is}"),
    (rf"Elements value for option {_NAMES}(?: {_PLACE})? {_TYPES}{_CONVERT}", "each item of {names}{inside} must be of type {to}, not {is}"),
    (r"value of (?P<names>\S+) must be one of: (?P<to>.+), got: (?P<is>.+?)(?: found in (?P<place>.+))?", "{names}{inside} must be one of {to}, not {is}"),
)


def options_of(specification: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The options of all entry points of a role, from what its meta/argument_specs.yml holds."""
    merged: dict[str, Mapping[str, Any]] = {}
    for entry in specification["argument_specs"].values():
        merged.update(entry.get("options") or {})
    return merged


def is_declared(options: Options, names: Iterable[str]) -> bool:
    """Whether ``names`` has a variable that the role requires; a role that requires none always is."""
    required = {name for name, option in options.items() if option.get("required")}
    return not required or not required.isdisjoint(names)


def problems(options: Options, arguments: Mapping[str, Any]) -> list[str]:
    """What is wrong with a role's arguments."""
    errors = list(ArgumentSpecValidator(dict(options)).validate(dict(arguments), validate_role_argument_spec=True).errors)
    # A value of the wrong type is reported up to three times; the others are kept only where they are all there is.
    plain = [error for error in errors if not isinstance(error, (NoLogError, SubParameterTypeError))]
    return list(dict.fromkeys(_unsupported(error.msg) if isinstance(error, UnsupportedError) else _sentence(error) for error in plain or errors))


def _sentence(error: Exception) -> str:
    message = re.sub(r"<class '(\w+)'>", r"\1", str(getattr(error, "msg", error)))
    for pattern, sentence in SENTENCES:
        found = re.fullmatch(pattern, message, re.DOTALL)
        if found:
            words = found.groupdict()
            return sentence.format(**words, inside=f" in {words['place']}" if words.get("place") else "")
    return message.rstrip(".")


def _unsupported(message: str) -> str:
    unknown, _, supported = message.partition(". Supported parameters include: ")
    known = supported.rstrip(".").split(", ")
    near = difflib.get_close_matches(unknown.rsplit(".", 1)[-1], known, n=1)
    return f"{unknown} is not known (did you mean {near[0]}?)" if near else f"{unknown} is not known; known are {', '.join(known)}"


def unknown(specifications: Mapping[str, Options], names: Iterable[str]) -> Iterator[str]:
    """Variables that begin with a role's name and belong to none, each with the nearest that does."""
    known = {name for options in specifications.values() for name in options}
    prefixes = tuple(f"{role}_" for role in specifications)
    for name in sorted(name for name in names if name.startswith(prefixes) and name not in known):
        near = difflib.get_close_matches(name, known, n=1)
        yield f"{name} is a variable that no role knows{f' (did you mean {near[0]}?)' if near else ''}"
