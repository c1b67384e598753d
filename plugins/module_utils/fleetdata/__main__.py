# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m fleetdata``."""

from __future__ import annotations

from .cli import run

if __name__ == "__main__":
    run()
