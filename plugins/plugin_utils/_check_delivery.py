# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts on the mail server: would it take the product's mail, and does a test message arrive?"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._check_result import (
    Check,
    Result,
    due_sentence,
    only,
    skipped,
    unanswered,
    verdict,
)

_RENEW = (
    "Have the mail server's administrator renew it. If it is trusted by itself and not by its CA, give the new one in "
    "stash_mail_certificates_next before the mail server presents it."
)


def check_delivery(
    results: t.Mapping[str, Result], wanted: Result, certificates: t.Sequence[Result], settings: Check
) -> Check:
    result = results.get("delivery") or {}
    if wanted["state"] != "present":
        return skipped("delivery", "Not asked.", "The variables want no mail.")
    if "outcome" not in result:
        return unanswered("delivery", result, "The mail server could not be asked.")
    jvm = result.get("jvm") or {}
    details = only(result, "outcome", "log", "tls", "banner")
    details["jvm"] = only(jvm, "trusted", "reason", "truststore", "method", "identity")
    if settings["status"] == "failed" and settings["details"].get("answered"):
        details["asked_with"] = "the variables' settings, which are not those that the product has"
    if not result.get("delivers"):
        summary = f"No mail would go out: {result.get('cause', result['outcome'])}."
        remedy = str(result.get("remedy") or "")
        # The message ends with the remedy.
        reason = str(result.get("msg") or "").removesuffix(remedy).rstrip() or str(result.get("meaning"))
        if result["outcome"] == "tls_untrusted":
            reason, remedy = _untrusted(reason, remedy, result, results.get("trial") or {}, certificates)
        return verdict("delivery", "failed", summary, reason, remedy, **details)
    expected = result["outcome"] == "deliver" or (
        result["outcome"] == "deliver_plaintext" and wanted["security"] == "plain"
    )
    meaning = str(result.get("meaning") or "")
    if not expected:
        reason, remedy = str(result.get("cause") or ""), str(result.get("remedy") or "")
        return verdict("delivery", "warning", meaning, reason, remedy, **details)
    due = due_sentence(certificates, "mail server")
    if due:
        return verdict("delivery", "warning", due, f"The mail server presents it. {meaning}", _RENEW, **details)
    return verdict("delivery", "ok", meaning, str(jvm.get("reason") or ""), **details)


def _untrusted(
    reason: str, remedy: str, result: Result, trial: Result, certificates: t.Sequence[Result]
) -> tuple[str, str]:
    """Reason and remedy where the JVM does not trust the mail server: drift, or another certificate than before."""
    if trial.get("delivers"):
        return reason, "Run provision.yml: with the truststore that it writes the JVM would deliver."
    chain = [item for item in result.get("chain") or [] if item.get("subject")]
    ours = [item for item in certificates if item["where"] == "truststore"]
    # One that issued itself has its own name as issuer, and so would its successor.
    issuers = {item.get("issuer") for item in chain if item.get("issuer") != item["subject"]}
    presented = {item["sha256"] for item in chain}
    if chain and ours and not any(item["sha256"] in presented or item["subject"] in issuers for item in ours):
        leaf = chain[0]
        reason += (
            f" The mail server presents {leaf['subject']}, valid from {str(leaf.get('not_before'))[:10]}, SHA-256 "
            f"{leaf['sha256']}, and nothing of it comes from the certificates that the variables give: its "
            "certificate was renewed or replaced."
        )
        remedy = (
            "Have its administrator confirm that SHA-256, give the certificate (better: its CA's) in "
            "stash_mail_certificates, and run provision.yml."
        )
    return reason, remedy


def check_message(result: Result, wanted: Result, delivery: Check) -> Check:
    """Does a test message arrive?"""
    if not wanted["message"]:
        return skipped("message", "No test message was asked for.", remedy="Set stash_mail_check_message to send one.")
    if wanted["auth_type"] != "basic":
        reason = "Only Bitbucket has the token of OAuth 2.0, so nobody else can send in its place."
        return skipped("message", "Not sent.", reason, "Have Bitbucket send one: stash_mail_verify_notification.")
    if delivery["status"] not in ("ok", "warning"):
        return skipped("message", "Not sent.", "No mail would go out, see the delivery.")
    if not wanted["recipient"]:
        return verdict("message", "failed", "Not sent.", "There is no recipient.", "Set stash_mail_recipient.")
    if result.get("outcome") == "delivered":
        summary = f"The test message arrived {result['seconds']:.2f} s after it was handed over."
        return verdict("message", "ok", summary, **only(result, "message_id", "seconds", "outcome"))
    if result.get("outcome") == "accepted" and "code" not in result:
        return verdict(
            "message",
            "warning",
            "The mail server took the test message over.",
            "No mailbox is given to see it arrive.",
            "Set stash_mail_imap or stash_mail_pop3.",
            **only(result, "message_id", "outcome"),
        )
    found = unanswered("message", result, "The test message did not arrive.", str(result.get("remedy") or ""))
    found["details"].update(only(result, "message_id", "outcome"))
    return found
