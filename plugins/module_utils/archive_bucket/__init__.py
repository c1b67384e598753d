# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One S3 bucket for archives or backups: what is declared, what is there, one plan, and its application. Needs a boto3 client, imports none."""
