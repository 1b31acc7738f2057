# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts on the product: is it there, and does it have the settings that the variables give?"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._check_result import (
    PROVISION,
    Check,
    Result,
    only,
    skipped,
    unanswered,
    verdict,
)
from ansible_collections.stashops.mail.plugins.plugin_utils._plan import crash

_REMEDIES = {
    "unauthorised": "Correct stash_mail_bitbucket_admin_user and stash_mail_bitbucket_admin_password, or the token.",
    "captcha": "Log in as that user in a browser once, then check again.",
    "not_running": "Check again once the product is up.",
    "no_sys_admin": "Give the account the global permission SYS_ADMIN, which the product wants for reading too, or "
    "leave stash_mail_bitbucket_admin_user empty to leave this question out.",
    "oauth2": "Set stash_mail_auth_type to oauth2 if the configuration in the product is the right one.",
}


def check_host(info: Result) -> Check:
    """Can the host be asked, and is the product there?"""
    if info.get("unreachable"):
        return verdict(
            "reachable",
            "failed",
            "The host could not be reached.",
            str(info.get("msg") or "No answer came back."),
            "Check that it runs, its address, and that Ansible's account may log in. Nothing is known of its mail.",
            unreachable=True,
        )
    if crash(info):
        return unanswered("reachable", {"msg": crash(info)}, "The host was reached, but nothing could be asked there.")
    if "install_dir" not in info:
        remedy = "See that Python is there, and that the account may become root. Other answers may be missing too."
        return unanswered("reachable", info, "The host was reached, but the product could not be looked for.", remedy)
    if not (info["install_dir"] or info.get("process") or (info.get("service") or {}).get("exists")):
        return verdict(
            "reachable",
            "warning",
            "No Stash or Bitbucket was found on this host.",
            "It is neither installed where it is looked for, nor does it run, nor is there a service of its name.",
            "Set stash_mail_bitbucket_install_dir or stash_mail_bitbucket_service.",
        )
    java = info.get("java") or {}
    name = " ".join(filter(None, [str(info.get("product") or "Bitbucket").capitalize(), info.get("version")]))
    summary = f"{name} on Java {java['version']}." if java.get("version") else f"{name}."
    details = only(info, "product", "version", "install_dir", "home", "user", "java")
    return verdict("reachable", "ok", summary, **details)


def check_settings(result: Result, wanted: Result) -> Check:
    """Does the product have the mail settings that the variables give?"""
    if not wanted["account"]:
        return skipped(
            "settings",
            "The product was not asked for its settings.",
            "No account is given that may read them.",
            "Set stash_mail_bitbucket_admin_user and stash_mail_bitbucket_admin_password, or "
            "stash_mail_bitbucket_admin_token. The permission is SYS_ADMIN.",
        )
    if "mail_server" not in result:
        code = str(result.get("code") or "")
        remedy = _REMEDIES.get(code, "Correct stash_mail_bitbucket_url, or bring the product up, and check again.")
        found = unanswered("settings", result, "The product did not show its settings.", remedy)
        if code == "no_sys_admin":
            found.update(status="warning", summary="The account may not read the product's mail settings.")
            found["details"]["answered"] = True
        return found
    before, after = result["mail_server"].get("before"), result["mail_server"].get("after")
    details = {"answered": True, "before": before, "wanted": after}
    wrong = _differences(before or {}, after or {})
    if wrong:
        reason = "Somebody has changed them in the product, or the variables were changed and not yet provisioned."
        return verdict("settings", "failed", " ".join(wrong), reason, PROVISION, **details)
    if after and after.get("username") and result.get("password_changed") is not False:
        return _password(result.get("password_changed"), wanted, details)
    return verdict("settings", "ok", _as_sentence(after), **details)


def with_properties(found: Check, result: Result) -> Check:
    """The verdict on the settings, ``found``, made worse where the product's file of properties is not as wanted."""
    if not result or result.get("skipped"):
        return found
    reason, remedy = "Its properties are wanted by stash_mail_properties.", PROVISION
    if "restart_needed" not in result:
        summary, reason = "The product's properties could not be compared.", str(result.get("msg") or "No answer came.")
    elif result.get("changed"):
        summary = f"{result['path']} is not as wanted in: {', '.join(result.get('keys') or []) or 'its attributes'}."
    elif result["restart_needed"]:
        summary = f"The running product has not read {result['path']} as it is now."
        remedy = "Restart the product; provision.yml does so too."
    else:
        return found
    if found["status"] == "failed":
        summary, reason = f"{found['summary']} {summary}", f"{found['reason']} {reason}"
    return verdict("settings", "failed", summary, reason, remedy, **found["details"])


def _password(changed: bool | None, wanted: Result, details: dict[str, t.Any]) -> Check:
    mode = wanted["update_password"]
    if changed and mode != "on_create":
        return verdict(
            "settings",
            "failed",
            "The mail password is not the one that the variables give.",
            "All else is as wanted.",
            PROVISION,
            **details,
        )
    if changed is None and not wanted["is_writer"]:
        details["password"] = f"Not known here: it is written by one node of the cluster, now {wanted['writer']}."
        return verdict("settings", "ok", _as_sentence(details["wanted"]), **details)
    return verdict(
        "settings",
        "warning",
        "Whether the mail password is the one that the variables give is not known.",
        "The product does not show it, and stash_mail_password_state_path has no fingerprint of it: it was never "
        "written from this host, or the file was lost or may not be read.",
        "Run provision.yml, which writes it once.",
        **details,
    )


def _differences(before: Result, after: Result) -> list[str]:
    if not after.get("host"):
        return ["A mail server is configured, and should not be."] if before.get("host") else []
    if not before.get("host"):
        return ["No mail server is configured."]
    return [
        f"The mail server's {key} is {before.get(key)!r} instead of {value!r}."
        for key, value in sorted(after.items())
        if before.get(key) != value
    ]


def _as_sentence(settings: Result | None) -> str:
    if not settings or not settings.get("host"):
        return "No mail server is configured, as wanted."
    account = f"as {settings['username']}" if settings.get("username") else "anonymously"
    return f"Through {settings['host']}:{settings['port']} ({settings['security']}) {account}."
