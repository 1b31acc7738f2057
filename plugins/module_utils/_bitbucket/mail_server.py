# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product's mail server: its settings read over REST, compared, written, read back."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.apply import (
    check_oauth2,
    read_settings,
    remove,
    write,
)
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.client import Bitbucket
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.options import client_of
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.password_record import PasswordRecord
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.plan import diff, plan, secret_of
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.settings import (
    MailSettings,
    Observed,
    as_dict,
)
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._inputs import (
    check_address,
    check_connection,
    check_oauth2_ids,
    check_password,
)


def run(host: Host, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do what the parameters of stash_mail_server ask for; returns its result, or raises :class:`StashMailError`."""
    if params["state"] == "present":
        check_connection(params)
        check_address(params["sender"] or "", "sender")
        check_oauth2_ids(params)
    client = client_of(params, Bitbucket)
    record = PasswordRecord(params["password_state_path"])
    if params["state"] == "absent":
        return _absent(host, client, record)
    return _present(host, params, client, record)


def _present(host: Host, params: t.Mapping[str, t.Any], client: Bitbucket, record: PasswordRecord) -> dict[str, t.Any]:
    wanted = MailSettings(
        host=params["host"],
        port=params["port"],
        security=params["security"],
        username=params["username"],
        sender=params["sender"],
        auth_type=params["auth_type"].upper(),
        oauth2_provider_id=params["oauth2_provider_id"],
        oauth2_token_id=params["oauth2_token_id"],
    )
    password = check_password(params["password"], "password")
    before = read_settings(client)
    check_oauth2(client, before, wanted, params["overwrite_oauth2"])
    has_secret = bool(wanted.username) or wanted.is_oauth2
    key = (client.url, wanted.username, wanted.host, secret_of(wanted, password))
    the_plan = plan(before, wanted, password, params["update_password"], lambda: record.matches(*key))
    if record.damaged and has_secret:
        host.warn(
            f"Nothing is known of the password last written: {record.path}: {record.damaged}. "
            "At the next write it is replaced and kept with .damaged added to its name."
        )
    after = before
    if the_plan.write and not host.check_mode:
        if has_secret:
            record.check_writable()
        # A run that dies while it writes must not leave the old password's record standing for the new one.
        record.forget(client.url, "Nothing was changed in Bitbucket.")
        after = write(client, wanted, password, before)
        # Ids that Bitbucket shows need no memory.
        if has_secret and not (wanted.is_oauth2 and after.settings and not after.settings.hides_ids):
            record.record(*key)
        else:
            record.forget(client.url)
    result = _result(before, after, the_plan.write)
    result["mail_server"]["after"] = as_dict(Observed(wanted))
    result["diff"] = diff(before, wanted, the_plan)
    if the_plan.same_password is not None and not wanted.is_oauth2:
        result["password_changed"] = not the_plan.same_password
    result["msg"] = the_plan.reason
    return result


def _absent(host: Host, client: Bitbucket, record: PasswordRecord) -> dict[str, t.Any]:
    before = read_settings(client)
    changed = before.settings is not None or bool(before.sender)
    if not host.check_mode:
        if changed:
            remove(client, before)
        record.forget(client.url)
    result = _result(before, Observed(None), changed)
    result["diff"] = diff(before, None)
    result["msg"] = "The mail server was removed." if changed else "No mail server is configured."
    return result


def _result(before: Observed, after: Observed, changed: bool) -> dict[str, t.Any]:
    return {
        "changed": changed,
        "mail_server": {"before": as_dict(before), "after": as_dict(after)},
        "style": after.style or before.style,
        "password_changed": None,
    }
