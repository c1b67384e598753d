#!/usr/bin/python3 -I
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run and show this host's declared jobs; what cron calls. The package steady_jobs lies beside this file."""

from __future__ import annotations

import os
import sys

sys.dont_write_bytecode = True  # nothing but what is declared lies there
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

if __name__ == "__main__":
    from steady_jobs.cli import main

    sys.exit(main(sys.argv[1:]))
