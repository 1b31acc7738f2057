# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide whether Bitbucket's mail settings are to be written, and show the change without the password.

The ids of an OAuth 2.0 configuration need not be shown when the settings are read, as little as a password. Where they
are not, they are treated as it is: what was written last is remembered by its fingerprint.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.settings import (
    OAUTH2,
    MailSettings,
    Observed,
    as_dict,
    differences,
    settings_dict,
)

_REASONS = {
    False: "the password differs from the one before",
    None: "nothing is known of the password that Bitbucket holds",
    True: "update_password is always",
}
_REASONS_OAUTH2 = {
    False: "the OAuth 2.0 ids differ from those before",
    None: "nothing is known of the OAuth 2.0 ids that Bitbucket holds",
    True: "update_password is always, and Bitbucket does not show the OAuth 2.0 ids",
}


@dataclasses.dataclass(frozen=True)
class SettingsPlan:
    """What to do: ``write`` it or not.

    ``created`` where no mail server was configured, ``fields`` differ, ``same_password`` is None where not known.
    With ``oauth2`` it stands for the ids in place of a password.
    """

    created: bool
    fields: list[str]
    same_password: bool | None
    write: bool
    oauth2: bool = False

    @property
    def reason(self) -> str:
        """Why it is written, or that it is not, as one sentence."""
        if not self.write:
            return "The settings are as wanted."
        if self.created:
            return "Written since no mail server was configured."
        if not self.fields:
            return f"Written since {(_REASONS_OAUTH2 if self.oauth2 else _REASONS)[self.same_password]}."
        return f"Written since these differ: {', '.join(self.fields)}."


def plan(
    before: Observed,
    wanted: MailSettings,
    password: str,
    mode: str,
    recorded: t.Callable[[], bool | None],
) -> SettingsPlan:
    """Compare what is configured with what is wanted.

    :param mode: ``on_change``, ``always`` or ``on_create``: when a password alone leads to a write.
    :param recorded: whether the password is the one written last, None where that is not known; asked if needed only,
        since a slow hash stands behind it.
    """
    fields = differences(wanted, before.settings)
    if wanted.is_oauth2:
        same, unseen = _same_ids(before, fields, recorded)
    else:
        same, unseen = _same_password(before, wanted, password, recorded), bool(wanted.username)
    by_password = unseen and (mode == "always" or (mode == "on_change" and same is not True))
    return SettingsPlan(before.settings is None, fields, same, bool(fields) or by_password, wanted.is_oauth2)


def secret_of(wanted: MailSettings, password: str) -> str:
    """Return what is remembered of ``wanted`` by its fingerprint: the password, or the ids in its place."""
    if not wanted.is_oauth2:
        return password
    return json.dumps(["oauth2", wanted.oauth2_provider_id, wanted.oauth2_token_id])


def _same_ids(
    before: Observed, fields: t.Sequence[str], recorded: t.Callable[[], bool | None]
) -> tuple[bool | None, bool]:
    """Whether the ids are those before, None where not known, and whether what is shown leaves that open."""
    settings = before.settings
    if settings is None or not settings.is_oauth2 or any("oauth2" in name for name in fields):
        return False, False
    return (recorded(), True) if settings.hides_ids else (True, False)


def _same_password(
    before: Observed, wanted: MailSettings, password: str, recorded: t.Callable[[], bool | None]
) -> bool | None:
    if before.settings is None:
        # To remain without any password is no change of it.
        return not wanted.username
    if before.settings.username != wanted.username or before.settings.is_oauth2:
        return False
    if not wanted.username:
        return True
    if before.password is not None:
        return before.password == password
    return recorded()


def diff(before: Observed, after: MailSettings | None, the_plan: SettingsPlan | None = None) -> dict[str, t.Any]:
    """Return Ansible's diff of the settings, with words in place of passwords."""
    old, new = "<password>", "<password>"
    if the_plan is not None and the_plan.write:
        if the_plan.same_password is False:
            new = "<different-password>"
        elif the_plan.same_password is None:
            old = "<unknown-password>"
        elif not the_plan.fields:
            new = "<password-written-again>"
    shown = _shown(as_dict(before), old)
    if after is not None and the_plan is not None and before.settings is not None and before.settings.hides_ids:
        for name in ("oauth2_provider_id", "oauth2_token_id"):
            if shown[name] is None:
                shown[name] = _hidden(the_plan) or getattr(after, name)
    return {
        "before_header": "Bitbucket's mail server",
        "after_header": "Bitbucket's mail server",
        "before": shown,
        "after": _shown(settings_dict(after) if after is not None else None, new),
    }


def _hidden(the_plan: SettingsPlan) -> str:
    """The word in place of an id that is not shown; empty where it is the one that is wanted."""
    if not the_plan.write or (the_plan.same_password and the_plan.fields):
        return ""
    return {True: "<not-shown>", False: "<another>", None: "<unknown>"}[the_plan.same_password]


def _shown(settings: dict[str, t.Any] | None, password: str) -> dict[str, t.Any]:
    if settings is None:
        return {"state": "absent"}
    if "host" not in settings:
        return {"state": "absent", **settings}
    if settings["auth_type"] == OAUTH2:
        return {"state": "present", **settings}
    return {"state": "present", **settings, "password": password if settings["username"] else ""}
