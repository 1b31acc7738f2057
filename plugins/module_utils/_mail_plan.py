# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide whether Bitbucket's mail settings are to be written, and show the change without the password."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._mail_settings import (
    MailSettings,
    Observed,
    as_dict,
    differences,
)

_REASONS = {
    False: "the password differs from the one before",
    None: "nothing is known of the password that Bitbucket holds",
    True: "update_password is always",
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to do: ``write`` it or not.

    ``created`` where no mail server was configured, ``fields`` differ, ``same_password`` is None where not known.
    """

    created: bool
    fields: list[str]
    same_password: bool | None
    write: bool

    @property
    def reason(self) -> str:
        """Why it is written, or that it is not, as one sentence."""
        if not self.write:
            return "The settings are as wanted."
        if self.created:
            return "Written since no mail server was configured."
        if not self.fields:
            return f"Written since {_REASONS[self.same_password]}."
        return f"Written since these differ: {', '.join(self.fields)}."


def plan(
    before: Observed,
    wanted: MailSettings,
    password: str,
    mode: str,
    recorded: t.Callable[[], bool | None],
) -> Plan:
    """Compare what is configured with what is wanted.

    :param mode: ``on_change``, ``always`` or ``on_create``: when a password alone leads to a write.
    :param recorded: whether the password is the one written last, None where that is not known; asked if needed only,
        since a slow hash stands behind it.
    """
    fields = differences(wanted, before.settings)
    same = _same_password(before, wanted, password, recorded)
    by_password = bool(wanted.username) and (mode == "always" or (mode == "on_change" and same is not True))
    return Plan(before.settings is None, fields, same, bool(fields) or by_password)


def _same_password(
    before: Observed, wanted: MailSettings, password: str, recorded: t.Callable[[], bool | None]
) -> bool | None:
    if before.settings is None:
        # To remain without any password is no change of it.
        return not wanted.username
    if before.settings.username != wanted.username:
        return False
    if not wanted.username:
        return True
    if before.password is not None:
        return before.password == password
    return recorded()


def diff(before: Observed, after: MailSettings | None, the_plan: Plan | None = None) -> dict[str, t.Any]:
    """Return Ansible's diff of the settings, with words in place of passwords."""
    old, new = "<password>", "<password>"
    if the_plan is not None and the_plan.write:
        if the_plan.same_password is False:
            new = "<different-password>"
        elif the_plan.same_password is None:
            old = "<unknown-password>"
        elif not the_plan.fields:
            new = "<password-written-again>"
    return {
        "before_header": "Bitbucket's mail server",
        "after_header": "Bitbucket's mail server",
        "before": _shown(as_dict(before), old),
        "after": _shown(dataclasses.asdict(after) if after is not None else None, new),
    }


def _shown(settings: dict[str, t.Any] | None, password: str) -> dict[str, t.Any]:
    if settings is None:
        return {"state": "absent"}
    if "host" not in settings:
        return {"state": "absent", **settings}
    return {"state": "present", **settings, "password": password if settings["username"] else ""}
