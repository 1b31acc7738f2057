# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts on what the JVM reads: the truststore, and the arguments of the running process."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._check_result import (
    PROVISION,
    Check,
    Result,
    due_sentence,
    only,
    skipped,
    unanswered,
    verdict,
)


def check_truststore(result: Result, wanted: Result, certificates: t.Sequence[Result]) -> Check:
    """Is the truststore current with its base, its anchors and their dates?"""
    path = wanted["truststore_path"]
    if not wanted["truststore"]:
        if result.get("changed"):
            summary = f"The truststore {path} is there, and should not be."
            reason = "The variables give no certificates, so that the JVM's own truststore is to be used."
            return verdict("truststore", "failed", summary, reason, PROVISION)
        summary = "The JVM's own truststore is used, as wanted."
        return skipped("truststore", summary, "The variables give no certificates.")
    if "entries" not in result:
        summary = "The truststore could not be compared with what it should be."
        remedy = "Correct what the reason names. Where the mail server's certificate was replaced, have its "
        remedy += "administrator confirm the new one, and give it in stash_mail_certificates or stash_mail_fetch."
        return unanswered("truststore", result, summary, remedy)
    base = result.get("base") or {}
    details = {**only(result, "path", "sha256", "entries"), "base": base}
    if result.get("changed"):
        said = [f"{path} lacks {_name(item)}." for item in result.get("added", [])[:5]]
        said += [f"{path} holds {_name(item)}, which it should not." for item in result.get("removed", [])[:5]]
        summary = "The truststore is not as it should be."
        reason = " ".join(said) or f"{path} differs in its order, format, password, owner or mode."
        return verdict("truststore", "failed", summary, reason, PROVISION, **details)
    due = due_sentence(certificates, "truststore")
    if due:
        remedy = (
            "Put the successor beside it (stash_mail_certificates_next), or take it out if nothing needs it any more."
        )
        return verdict("truststore", "warning", due, "A certificate in it has an end.", remedy, **details)
    own = [item for item in certificates if item["where"] == "truststore"]
    summary = f"{result['entries']} certificates, {len(own)} of them managed by this role, up to date with its base."
    return verdict("truststore", "ok", summary, **details)


def _name(certificate: Result) -> str:
    return f"{certificate.get('alias')} ({certificate.get('subject') or certificate.get('sha256')})"


def check_jvm(result: Result, wanted: Result, *, is_up: bool) -> Check:
    """Are the arguments in force in the running process? ``is_up``: the product has answered over REST."""
    if "restart_needed" not in result:
        remedy = "Set stash_mail_bitbucket_install_dir to the product's folder, or correct what the reason names."
        return unanswered("jvm", result, "The JVM's arguments could not be looked at.", remedy)
    process = result.get("process")
    in_force = [_argument for _argument in (process or {}).get("arguments", []) if "trustStore" in _argument]
    details = {**only(result, "path", "method"), "wanted": result.get("arguments") or [], "in_force": in_force}
    if process:
        details["process"] = {name: process.get(name) for name in ("pid", "user", "started")}
    if result.get("changed"):
        wants = " ".join(result.get("arguments") or []) or "no managed truststore arguments"
        return verdict(
            "jvm",
            "failed",
            f"{result['path']} does not have the JVM's arguments as they should be.",
            f"Wanted: {wants}. In force: {' '.join(in_force) or 'none for a truststore'}.",
            PROVISION,
            **details,
        )
    if not process:
        return verdict(
            "jvm",
            "warning" if is_up else "failed",
            "The product runs, but its process cannot be seen." if is_up else "The product does not run.",
            f"The arguments in {result['path']} are as wanted. No process of the product was seen on this host.",
            "Check with become, so that the process may be seen." if is_up else "Start the product, then check again.",
            **details,
        )
    if result["restart_needed"]:
        return verdict(
            "jvm",
            "failed",
            "The running JVM has not read the truststore as it is now.",
            f"It started at {process.get('started')} with {' '.join(in_force) or 'no truststore argument'}, before the "
            f"truststore or the arguments in {result['path']} were last written.",
            "Restart the product; provision.yml does so too.",
            **details,
        )
    summary = (
        f"The running process uses {wanted['truststore_there'] if wanted['truststore'] else 'its own truststore'}."
    )
    return verdict("jvm", "ok", summary, **details)
