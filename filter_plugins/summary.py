# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run of the role went, in a few sentences at its end."""

from __future__ import annotations

import typing as t

DOCUMENTATION = r"""
name: summary
short_description: How a run of the role stash_mail went, in words
version_added: 0.1.0
author: The stash_mail developers (@stashops)
description:
  - Takes the fact C(stash_mail_result). Phases that did not run are not mentioned.
options:
  _input:
    description: The fact C(stash_mail_result).
    type: dict
    required: true
  check:
    description: Whether the run was in check mode, and what it says to be different is not so yet.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Say how it went
  ansible.builtin.debug:
    msg: "{{ stash_mail_result | stashops.mail.summary(check=ansible_check_mode) }}"
"""

RETURN = r"""
_value:
  description: One sentence for what each phase has found or done.
  type: list
  elements: str
"""


def summary(result: t.Mapping[str, t.Any], check: bool = False) -> list[str]:
    """One sentence for each phase in ``result``, in the order of the phases."""
    return (
        _product(result.get("prereqs") or {})
        + _truststore(result.get("truststore") or {}, check)
        + _properties(result.get("properties") or {}, check)
        + _probe(result.get("probe") or {})
        + _stale(result.get("truststore") or {}, result.get("probe") or {})
        + _server(result.get("server") or {}, check)
        + _verify(result.get("verify") or {})
        + _notification(result.get("notification") or {})
    )


def _product(info: t.Mapping[str, t.Any]) -> list[str]:
    if not info.get("product"):
        return []
    java = info.get("java") or {}
    version = f" {info['version']}" if info.get("version") else ""
    runs_on = f" on Java {java['version']}" if java.get("version") else ""
    return [f"{str(info['product']).capitalize()}{version}{runs_on}."]


def _truststore(result: t.Mapping[str, t.Any], check: bool) -> list[str]:
    anchors = result.get("anchors")
    if not anchors:
        return []
    names = ", ".join(f"{anchor['alias']} until {str(anchor['not_after'])[:10]}" for anchor in anchors)
    holds = "would hold" if check and result.get("changed") else "holds"
    return [f"{result['path']} {holds} {result['entries']} certificates, of these ours: {names}."]


def _properties(result: t.Mapping[str, t.Any], check: bool) -> list[str]:
    if not result.get("keys"):
        return []
    done = "Would be set" if check else "Set"
    return [f"{done} or taken out in {result['path']}: {', '.join(result['keys'])}."]


def _probe(result: t.Mapping[str, t.Any]) -> list[str]:
    if not result.get("outcome"):
        return []
    said = []
    jvm = result.get("jvm")
    if jvm:
        trusts = "trusts" if jvm["trusted"] else "does not trust"
        said.append(f"The JVM {trusts} the mail server: {jvm['reason']}.")
    tls = result.get("tls")
    over = f" over {tls['version']}" if tls else ""
    return [*said, f"{result['meaning']} ({result['outcome']}{over})"]


def _stale(truststore: t.Mapping[str, t.Any], probe: t.Mapping[str, t.Any]) -> list[str]:
    chain = probe.get("chain")
    if not chain:
        return []
    # An anchor is of use where the server presents it, or something that it issued.
    presented = {certificate["sha256"] for certificate in chain}
    issuers = {certificate.get("issuer") for certificate in chain}
    return [
        f"Nothing that the mail server presents comes from our {anchor['alias']} ({anchor['subject']}): "
        "leave it out once nothing else needs it."
        for anchor in truststore.get("anchors") or []
        if anchor["sha256"] not in presented and anchor["subject"] not in issuers
    ]


def _server(result: t.Mapping[str, t.Any], check: bool) -> list[str]:
    if "mail_server" not in result:
        return []
    after = result["mail_server"].get("after")
    if not after or not after.get("host"):
        return [
            "No mail server would be configured."
            if check and result.get("changed")
            else "No mail server is configured."
        ]
    account = f"as {after['username']}" if after.get("username") else "anonymously"
    if after.get("auth_type") == "OAUTH2":
        account = f"{account if after.get('username') else ''} by OAuth 2.0".strip()
    wrote = "sends, as before,"
    if result.get("changed"):
        wrote = "would send" if check else "now sends"
    where = f"{after['host']}:{after['port']} ({after['security']})"
    return [f"It {wrote} through {where} {account}, from {after.get('sender')}."]


def _verify(result: t.Mapping[str, t.Any]) -> list[str]:
    if result.get("outcome") == "delivered":
        return [f"The test message {result['message_id']} arrived {result['seconds']:.2f} s after it was handed over."]
    if result.get("outcome") == "accepted":
        return [f"The mail server took the test message {result['message_id']}; no mailbox was given to see it arrive."]
    return []


def _notification(result: t.Mapping[str, t.Any]) -> list[str]:
    if result.get("outcome") == "delivered":
        return [f"Bitbucket's own message {result['message_id']} arrived after {result['seconds']:.2f} s."]
    if result.get("outcome") == "no_error":
        return ["Bitbucket sent a message of its own, and its mail log shows no error."]
    return []


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"summary": summary}
