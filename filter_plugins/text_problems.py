# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the role's variables are no text, though they have to be: YAML makes numbers and nothing of some."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._inputs import check_password
from ansible_collections.stashops.mail.plugins.plugin_utils._paths import relative

DOCUMENTATION = r"""
name: text_problems
short_description: Which variables of the role stash_mail are no text
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the variables that have to be text. It is to be asked before anything makes use of them.
options:
  _input:
    description: The values by the variables' names without C(stash_mail_).
    type: dict
    required: true
"""

EXAMPLES = r"""
problems: "{{ {'host': 5} | stashops.mail.text_problems }}"
"""

RETURN = r"""
_value:
  description: A text for each problem, which says what to do.
  type: list
  elements: str
"""

# A mode that is a number is explained where it is used.
_OTHERWISE = ("stash_mail_truststore_mode",)
_SECRETS = (
    "stash_mail_bitbucket_admin_password",
    "stash_mail_bitbucket_admin_token",
    "stash_mail_password",
    "stash_mail_rotate_password",
    "stash_mail_truststore_base_password",
    "stash_mail_truststore_password",
)
_PATHS = (
    "stash_mail_bitbucket_ca_path",
    "stash_mail_bitbucket_home",
    "stash_mail_bitbucket_install_dir",
    "stash_mail_bitbucket_java_home",
    "stash_mail_jvm_compose_override",
    "stash_mail_jvm_environment_file",
    "stash_mail_password_state_path",
    "stash_mail_truststore_path",
)
_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a dictionary",
}


def text_problems(values: t.Mapping[str, t.Any]) -> list[str]:
    """Return a text for each problem."""
    return [text for text in (_problem(f"stash_mail_{name}", value) for name, value in values.items()) if text]


def _problem(name: str, value: t.Any) -> str:
    if value is None:
        return f"{name} has no value, as YAML reads an empty one: give it as text, or take it out of the inventory."
    if name in _SECRETS:
        try:
            check_password(value, name)
        except StashMailError as error:
            return str(error)
        return ""
    kind = next((words for kind, words in _KINDS.items() if isinstance(value, kind)), "")
    if kind and not (name in _OTHERWISE and isinstance(value, int) and not isinstance(value, bool)):
        return f"{name} is {kind}: give it as text, in quotes."
    return relative(name, value) if name in _PATHS else ""


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"text_problems": text_problems}
