# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run in check mode has found to differ, in words."""

from __future__ import annotations

import typing as t

DOCUMENTATION = r"""
name: differences
short_description: What the role stash_mail would change, in words
version_added: 0.1.0
author: The stash_mail developers (@stashops)
description:
  - Takes the fact C(stash_mail_result) that a run of the role in check mode has left.
options:
  _input:
    description: The fact C(stash_mail_result).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what differs
  ansible.builtin.debug:
    msg: "{{ stash_mail_result | stashops.mail.differences }}"
"""

RETURN = r"""
_value:
  description: One sentence for each difference, none if all is as wanted.
  type: list
  elements: str
"""


def differences(result: t.Mapping[str, t.Any]) -> list[str]:
    """One sentence for each difference between what is and what the role's variables say."""
    if set(result) <= {"prereqs"}:
        return ["No Stash or Bitbucket was found on this host."]
    found = []
    if "probe" not in result:
        found.append("The mail server was not asked, since Python's cryptography is missing on this host.")
    return found + _truststore(result.get("truststore")) + _jvm(result.get("jvm")) + _server(result.get("server"))


def _truststore(result: t.Mapping[str, t.Any] | None) -> list[str]:
    if not result or not result.get("changed"):
        return []
    path = result["path"]
    found = [f"The truststore {path} lacks {_name(item)}." for item in result.get("added", [])]
    found += [f"The truststore {path} holds {_name(item)}, which it should not." for item in result.get("removed", [])]
    return found or [f"The truststore {path} differs in its order, format, password, owner or mode."]


def _name(certificate: t.Mapping[str, t.Any]) -> str:
    return f"{certificate['alias']} ({certificate.get('subject') or certificate['sha256']})"


def _jvm(result: t.Mapping[str, t.Any] | None) -> list[str]:
    if not result:
        return []
    if result.get("changed"):
        wanted = " ".join(result.get("arguments") or []) or "no truststore arguments of ours"
        return [f"{result['path']} does not have the JVM's arguments as they should be: {wanted}."]
    if result.get("restart_needed"):
        return ["The running JVM has not read the truststore as it is now: it has to be restarted."]
    return []


def _server(result: t.Mapping[str, t.Any] | None) -> list[str]:
    if not result or not result.get("changed"):
        return []
    settings = result.get("mail_server") or {}
    before, after = settings.get("before"), settings.get("after")
    if not after:
        return ["A mail server is configured, and should not be."]
    if not before:
        return ["No mail server is configured."]
    found = [
        f"The mail server's {key} is {before.get(key)!r} instead of {value!r}."
        for key, value in sorted(after.items())
        if before.get(key) != value
    ]
    return found or ["The mail password is not, or may not be, the one that the variables give."]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"differences": differences}
