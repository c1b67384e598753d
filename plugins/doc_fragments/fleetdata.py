# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules s3_csv_archive, s3_csv_archive_info and s3_csv_restore have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """What the archive is."""

    DOCUMENTATION = r"""
options:
  config:
    description:
      - A file on the host that declares the archive, such as C(/etc/steady-fleet/fleetdata.json), which the role P(steady.fleet.s3_archive#role) writes.
        What other options say takes the place of what it says.
      - Without it, O(bucket), O(region), O(report) and O(report_type) are required.
    type: path
  key:
    description:
      - The key of a day's object below O(prefix), of C({report}), C({yyyy}), C({mm}), C({dd}) and C({day}) (2026-01-31). It must tell report and day apart.
      - C({report}/{yyyy}/{mm}/{dd}/{report}-{day}.csv.gz) unless said.
    type: str
  concurrency:
    description: How many files or parts of files are under way at once, from 1 to 64; 8 unless said.
    type: int
  report_type:
    description: What the report O(report) looks like. It takes the place of what O(config) says of it.
    type: dict
    suboptions:
      columns:
        description: The header, in order. Empty takes any header without an empty or repeated name.
        type: list
        elements: str
      day_column:
        description: The column that holds the day. Needed unless O(report_type.report_day=file_name).
        type: str
      day_format:
        description: C(iso), C(epoch_s), C(epoch_ms) or a pattern of year, month and day such as C(%m/%d/%Y); C(iso) unless said.
        type: str
      report_day:
        description:
          - Which day a file belongs to. C(only) is the one day that all its rows have, and a file of several days is not archived. C(first) and C(last)
            are the first and last of its days, C(file_name) is the one in its name. C(only) unless said.
        type: str
        choices: [only, first, last, file_name]
      file_day:
        description:
          - A regular expression with the groups C(year), C(month) and C(day), searched in the file's name. It tells the day of a report without a row,
            and of every one where O(report_type.report_day=file_name). A day such as 2026-01-31 unless said.
        type: str
      delimiter:
        description: What parts the fields, one character; a comma unless said.
        type: str
      final_newline:
        description: Whether the last row must end with a newline, so that a file without one counts as half written; true unless said.
        type: bool
      empty:
        description: Whether a header alone is a report, of 0 rows; true unless said.
        type: bool
      extra_columns:
        description: Whether columns that are not declared may follow O(report_type.columns); false unless said.
        type: bool
      files:
        description: Absolute patterns of its files on the host, such as C(/srv/reports/performance-*.csv).
        type: list
        elements: str
      first_day:
        description: Since when a report is expected every day, such as C(2026-01-01).
        type: str
      late_after_hours:
        description: How long after the end of its day (UTC) a report may come; 36 unless said.
        type: int
"""
