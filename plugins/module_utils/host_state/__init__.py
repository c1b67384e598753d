# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The converge core: a declaration of one or more scopes, compared with a host, planned once, printed or applied.

``model`` (what is wanted) and ``observe`` (what is there) feed ``plan`` (pure), which ``diff`` prints and ``apply`` carries out;
``manifest`` is what the host remembers between runs. Nothing here imports Ansible.
"""
