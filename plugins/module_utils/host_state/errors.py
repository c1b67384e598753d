# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of this core."""

from __future__ import annotations


class StateError(Exception):
    """The declaration or the host does not allow a plan, or a step failed. The text says what, where, why and the way out."""
