# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data core: CSV reports to S3 and back, proved by reading them again.

The same source serves the modules (s3_csv_archive, …) and, installed by the role fleetdata, the command ``fleetdata``. So it imports nothing
of Ansible, and boto3 and isal only where they are used.
"""
