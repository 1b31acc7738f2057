# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hash by which a page's Content-Security-Policy lets its own script and style in, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import typing as t

DOCUMENTATION = r"""
name: csp_hash
short_description: Hash of an inline script or style for a Content-Security-Policy
version_added: 0.1.0
author: The stash_mail developers (@stashops)
description:
  - Takes the text between the tags, and returns the source expression that allows it.
options:
  _input:
    description: The text, exactly as it stands in the page.
    type: str
    required: true
"""

EXAMPLES = r"""
policy: "script-src {{ script | stashops.mail.csp_hash }}"
"""

RETURN = r"""
_value:
  description: The source expression.
  type: str
  sample: "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""


def csp_hash(text: str) -> str:
    """Return ``text``'s hash as a source expression, its quotes included."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(str(text).encode()).digest()).decode()}'"


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"csp_hash": csp_hash}
