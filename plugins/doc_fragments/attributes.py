# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules' documentation says alike."""

from __future__ import annotations


class ModuleDocFragment:
    """Documented attributes: the module states each one's support, the meaning stands here."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Whether C(--check) says what would change while the target stays as it is.
  diff_mode:
    description: Whether C(--diff) shows what changed or would change. Secrets are masked.
  idempotent:
    description: Whether a second run with the same options changes nothing, unless something else changed the target.
"""

    FILES = r"""
options: {}
attributes:
  safe_file_operations:
    description: Whether files are replaced in one step, with the permissions asked for, so no reader sees half of one.
"""

    ACTIONGROUP = r"""
options: {}
attributes:
  action_group:
    description: C(group/stashops.mail.stash_mail) in C(module_defaults) sets options for all modules at once.
    support: full
    membership:
      - stashops.mail.stash_mail
"""

    ASKS_ONLY = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: Never changes anything, so that it does the same in check mode.
  diff_mode:
    support: N/A
    details: Never changes anything.
  idempotent:
    support: N/A
    details: Never changes anything.
"""
