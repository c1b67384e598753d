"""The one exception that a user of the lab sees: one or two sentences with the way out."""

from __future__ import annotations


class LabError(Exception):
    """What is wrong and what to do next; printed without a traceback."""
