"""Configuration from the environment, read once at start; a wrong value stops the program with one clear sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MINIMUM_TOKEN_LENGTH = 16


class ConfigurationError(Exception):
    """A setting is missing or unusable; the message names the variable and the way out, never a secret's value."""


@dataclass(frozen=True)
class Settings:
    """Where the data lies and how old an import may get.

    database: the SQLite file. imports: the drop folder. import_max_age_hours: what ``/gmail/status`` calls fresh.
    archive_command: the program that archives reports in S3; empty where none are archived.
    """

    database: Path
    imports: Path
    import_max_age_hours: float
    archive_command: str = ""

    @property
    def done(self) -> Path:
        """Reports whose rows are in the database."""
        return self.imports / "done"

    @property
    def quarantine(self) -> Path:
        """Reports that could not be imported, each with a ``.reason.txt``."""
        return self.imports / "quarantine"


def _absolute_path(environment: Mapping[str, str], name: str) -> Path:
    text = environment.get(name, "")
    if not text:
        raise ConfigurationError(f"{name} is not set: give it an absolute path in /etc/catscan/env.")
    path = Path(text)
    if not path.is_absolute():
        raise ConfigurationError(f"{name} is {text!r}, which is not an absolute path: correct it in /etc/catscan/env.")
    return path


def _positive_number(environment: Mapping[str, str], name: str, default: str) -> float:
    text = environment.get(name, default)
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise ConfigurationError(f"{name} is {text!r}, but must be a number greater than 0, such as {default}.")
    return number


def load(environment: Mapping[str, str]) -> Settings:
    """Return the settings that ``environment`` gives.

    Raises ConfigurationError for a missing or malformed variable, or for a folder that does not exist.
    """
    settings = Settings(
        database=_absolute_path(environment, "CATSCAN_DATABASE"),
        imports=_absolute_path(environment, "CATSCAN_IMPORTS"),
        import_max_age_hours=_positive_number(environment, "CATSCAN_IMPORT_MAX_AGE_HOURS", "36"),
        archive_command=str(_absolute_path(environment, "CATSCAN_ARCHIVE_COMMAND")) if environment.get("CATSCAN_ARCHIVE_COMMAND") else "",
    )
    for name, folder in (("CATSCAN_DATABASE", settings.database.parent), ("CATSCAN_IMPORTS", settings.imports)):
        if not folder.is_dir():
            raise ConfigurationError(f"{name} needs the directory {folder}, which does not exist: create it first.")
    return settings


def load_token(environment: Mapping[str, str]) -> str:
    """Return the API token. Fails closed: without a usable one the API does not start at all."""
    token = environment.get("CATSCAN_API_TOKEN", "")
    if len(token) < MINIMUM_TOKEN_LENGTH:
        raise ConfigurationError(
            f"CATSCAN_API_TOKEN is not set or shorter than {MINIMUM_TOKEN_LENGTH} characters: "
            "put one into the secret that feeds /etc/catscan/env and converge again."
        )
    return token
