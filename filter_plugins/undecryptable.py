# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts whose secrets Ansible Vault does not decrypt in this run."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._fleet import HostVars

DOCUMENTATION = r"""
name: undecryptable
short_description: Hosts with variables of the role stash_mail that cannot be decrypted
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the names of hosts, and says which of their variables Ansible Vault cannot decrypt, and what to do.
  - It takes the value of each variable of the role, and so it is for a run that has failed, or has few hosts.
options:
  _input:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: Their variables, C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
problems: "{{ ansible_play_hosts_all | stashops.mail.undecryptable(hostvars) }}"
"""

RETURN = r"""
_value:
  description: A text for each host with such variables, by the host's name.
  type: dict
"""

# What Ansible says where it was given no password at all, and where none fits; in all releases of ansible-core.
_NONE_GIVEN = "no vault secrets found"
_NONE_FITS = "no vault secrets were found that could decrypt"


def undecryptable(hosts: t.Iterable[str], hostvars: HostVars) -> dict[str, str]:
    """Return a text for each host with variables that cannot be decrypted, by the host's name."""
    problems = {host: _problem(hostvars[host]) for host in map(str, hosts)}
    return {host: problem for host, problem in problems.items() if problem}


def _problem(variables: t.Mapping[str, t.Any]) -> str:
    names = sorted(name for name in map(str, variables) if name.startswith("stash_mail_"))
    found = [(name, why) for name in names if (why := _why_not(variables, name))]
    if not found:
        return ""
    why, remedy = (
        ("the run has no vault password", "Give it")
        if found[0][1] == _NONE_GIVEN
        else ("encrypted with another password than the run has", "Give the right one")
    )
    return (
        f"Ansible Vault cannot decrypt {', '.join(name for name, _why in found)}: {why}. "
        f"{remedy} by --ask-vault-pass or --vault-password-file, in AWX by a credential of the kind Vault."
    )


def _why_not(variables: t.Mapping[str, t.Any], name: str) -> str:
    try:
        _read(variables[name])
    # Of Ansible's, another in each release. What else is wrong with the value is said where it is used.
    except Exception as error:
        said = f"{error} {error.__cause__}"
        return next((words for words in (_NONE_GIVEN, _NONE_FITS) if words in said), "")
    return ""


def _read(value: t.Any) -> None:
    """Read all texts in ``value``: releases before 2.19 decrypt them only then."""
    if isinstance(value, t.Mapping):
        for item in value.values():
            _read(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _read(item)
    else:
        str(value)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"undecryptable": undecryptable}
