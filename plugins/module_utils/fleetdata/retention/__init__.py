# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention of SQLite rows: a row leaves the database only after exactly that row was read back from S3."""
