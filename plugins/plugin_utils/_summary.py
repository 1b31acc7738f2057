# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run of the role went on one host, in a few sentences."""

from __future__ import annotations

import typing as t

# Without Java's word there may be no verdict.
_TRUST = {
    True: "The JVM trusts the mail server",
    False: "The JVM does not trust the mail server",
    None: "Whether the JVM trusts the mail server is not known",
}


def summary(result: t.Mapping[str, t.Any], check: bool = False, is_changed: bool = True) -> list[str]:
    """One sentence for each phase in ``result``, in the order of the phases.

    A run that has changed nothing, as where the plan ended it, tells what would be changed as a check does.
    """
    planned = check or not is_changed
    return (
        _product(result.get("prereqs") or {})
        + (_unasked(result) if check else [])
        + _truststore(result.get("truststore") or {}, planned)
        + _properties(result.get("properties") or {}, planned)
        + _probe(result.get("probe") or {})
        + _stale(result.get("truststore") or {}, result.get("probe") or {})
        + _server(result.get("server") or {}, planned)
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


def _unasked(result: t.Mapping[str, t.Any]) -> list[str]:
    product = result.get("prereqs") or {}
    if product.get("found") is False:
        return [
            "No Stash or Bitbucket is installed or running here, so this check ends. Where one is, set "
            "stash_mail_bitbucket_install_dir or stash_mail_bitbucket_service."
        ]
    if product.get("cryptography", "") is None and "probe" not in result:
        return [
            "Python's cryptography is missing on this host. A real run installs it, and then looks at the certificates "
            "and the mail server, which this check cannot."
        ]
    return []


def _truststore(result: t.Mapping[str, t.Any], planned: bool) -> list[str]:
    anchors = result.get("anchors")
    if not anchors:
        return []
    names = ", ".join(f"{anchor['alias']} until {str(anchor['not_after'])[:10]}" for anchor in anchors)
    holds = "would hold" if planned and result.get("changed") else "holds"
    return [f"{result['path']} {holds} {result['entries']} certificates, of these managed: {names}."]


def _properties(result: t.Mapping[str, t.Any], planned: bool) -> list[str]:
    if not result.get("keys"):
        return []
    done = "Would be set" if planned and result.get("changed") else "Set"
    return [f"{done} or taken out in {result['path']}: {', '.join(result['keys'])}."]


def _probe(result: t.Mapping[str, t.Any]) -> list[str]:
    if not result.get("outcome"):
        return []
    said = []
    jvm = result.get("jvm")
    if jvm:
        said.append(f"{_TRUST[jvm['trusted']]}: {jvm['reason']}.")
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
        f"Nothing that the mail server presents comes from the managed certificate {anchor['alias']} "
        f"({anchor['subject']}): leave it out once nothing else needs it."
        for anchor in truststore.get("anchors") or []
        if anchor["sha256"] not in presented and anchor["subject"] not in issuers
    ]


def _server(result: t.Mapping[str, t.Any], planned: bool) -> list[str]:
    if "mail_server" not in result:
        return []
    after = result["mail_server"].get("after")
    if not after or not after.get("host"):
        return [
            "No mail server would be configured."
            if planned and result.get("changed")
            else "No mail server is configured."
        ]
    account = f"as {after['username']}" if after.get("username") else "anonymously"
    if after.get("auth_type") == "OAUTH2":
        account = f"{account if after.get('username') else ''} by OAuth 2.0".strip()
    wrote = "sends, as before,"
    if result.get("changed"):
        wrote = "would send" if planned else "now sends"
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
