# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a rotation from beginning, by its variables and by what the mail server presents.

Each filter is documented in the YAML file of its name.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._plan import crash
from ansible_collections.stashops.mail.plugins.plugin_utils._task_files import task_files

Values = t.Mapping[str, t.Any]


def credentials_problems(values: Values) -> list[str]:
    """Return a text for each thing that is wrong with the variables of a rotation of the credentials."""
    found = [
        _nothing_new(values),
        _no_password_used(values),
        task_files("rotate_switch_tasks", "rotate_switch_back_tasks", values),
    ]
    return [text for text in found if text]


def certificate_problems(values: Values) -> list[str]:
    """Return a text for each thing that is wrong with the variables of a rotation of the certificate."""
    found = [
        _no_next(values),
        _no_certificate_used(values),
        _fetched(values),
        task_files("rotate_certificate_switch_tasks", "rotate_certificate_switch_back_tasks", values),
    ]
    return [text for text in found if text]


def presented_problems(plan: t.Mapping[str, t.Any], host: str) -> list[str]:
    """Return why it is not known what the mail server presents to ``host``, by the ``plan`` with a trial ``next``."""
    if plan.get("unreachable"):
        return [
            f"{host} cannot be reached: {plan.get('msg') or 'no reason given'}. Bring it back and run again, or leave "
            "it out "
            f"by --limit 'all:!{host}'."
        ]
    if crash(plan):
        return [crash(plan)]
    for name in ("product", "truststore", "send", "notification"):
        if (plan.get(name) or {}).get("failed"):
            return [str(plan[name]["msg"])]
    trial = (plan.get("trials") or {}).get("next") or {}
    if trial.get("failed"):
        return [str(trial["msg"])]
    if trial.get("outcome") == "unknown":
        return [f"Whether the JVM on {host} would trust the new certificate cannot be known there. {trial['reason']}."]
    if trial:
        return []
    probe = plan.get("probe") or {}
    said = probe.get("msg") or probe.get("meaning") or plan.get("msg") or ""
    return [f"The mail server presents no certificate to {host}. {said}".rstrip()]


def _nothing_new(values: Values) -> str:
    if values["rotate_username"] and values["has_password"]:
        return ""
    empty = "stash_mail_rotate_password" if values["rotate_username"] else "stash_mail_rotate_username"
    return (
        f"{empty} is empty, and there is nobody at a terminal to ask. Give the new password as a variable from the "
        "vault, or "
        "run at a terminal. For anonymous mail run the playbook provision."
    )


def _no_password_used(values: Values) -> str:
    if values["auth_type"] != "basic":
        why = "stash_mail_auth_type is oauth2: Bitbucket logs in with a token of its own, which is renewed there."
    elif values["state"] != "present":
        why = f"stash_mail_state is {values['state']}."
    else:
        return ""
    return f"{why} There is no password to rotate."


def _no_next(values: Values) -> str:
    if values["certificates_next"]:
        return ""
    return (
        "stash_mail_certificates_next is empty. Put into it what vouches for the mail server's next certificate, best "
        "its "
        "CA's. Where the rotation is over, and they have been moved into stash_mail_certificates, there is nothing "
        "left to do."
    )


def _no_certificate_used(values: Values) -> str:
    if values["security"] == "plain":
        what = "security is plain"
    elif values["state"] != "present":
        what = f"state is {values['state']}"
    else:
        return ""
    return f"stash_mail_{what}, so that the mail server's certificate does not matter to Bitbucket."


def _fetched(values: Values) -> str:
    if not any(item.get("host") == values["host"] for item in values["fetch"]):
        return ""
    return (
        f"stash_mail_fetch gets what {values['host']} presents, and no longer finds it when that has changed. Put the "
        "certificates themselves into stash_mail_certificates, as the role's result has them in PEM "
        "(stash_mail_result.truststore.anchors), and take them out of stash_mail_fetch."
    )


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {
            "credentials_problems": credentials_problems,
            "certificate_problems": certificate_problems,
            "presented_problems": presented_problems,
        }
