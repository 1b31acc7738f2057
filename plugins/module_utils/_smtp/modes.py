# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Bitbucket would do with a mail server in each of the four security modes.

One conversation tells about more than its own mode: a port that greets in plaintext refuses TLS from the first byte,
a server that does not offer STARTTLS is the same in optional mode as in plain. What is still open then takes a
connection of its own, in which the password is never sent.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._inputs import SECURITY_MODES
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import OUTCOMES, MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Conversation, Settings

_STARTTLS_MODES = ("starttls_required", "starttls_optional")
# One that starts with STARTTLS tells most about the others.
_ORDER = ("starttls_required", "plain", "smtps", "starttls_optional")
_LEAST_SECONDS = 1.0  # with less there is no use in trying

Row = t.Dict[str, t.Any]


def survey(asked: Conversation, failure: StashMailError | None, deadline: Deadline, connect: bool) -> dict[str, Row]:
    """Return for each mode ``would``, ``code``, ``reason``, ``log``, ``tried`` and ``password_tried``.

    ``asked`` is the conversation in the mode that was asked for, ended, and ``failure`` what ended it early.
    ``connect`` allows further connections. Never raises ``StashMailError``: what cannot be known is ``unknown``.
    """
    known: dict[str, Row] = {}
    _derive(known, asked, failure)
    for mode in _ORDER if connect else ():
        if mode not in known:
            _try(known, asked, mode, deadline)
    for mode in SECURITY_MODES:
        known.setdefault(mode, _unknown("this mode needs a connection of its own, which all_modes makes"))
    return {mode: known[mode] for mode in SECURITY_MODES}


def _try(known: dict[str, Row], asked: Conversation, mode: str, deadline: Deadline) -> None:
    left = deadline.seconds - deadline.elapsed()
    if left < _LEAST_SECONDS:
        known[mode] = _unknown("no time was left of the deadline")
        return
    settings: Settings = asked.settings._replace(security=mode, send_password=False)
    try:
        # Half of what is left, so that a silent server leaves some for the other modes.
        conversation = Conversation(settings, deadline.at_most(left / 2), asked.judge)
    except StashMailError as error:
        known[mode] = _unknown(str(error))
        return
    failure = conversation.attempt()
    if isinstance(failure, MailFailure) and failure.code == "timeout":
        known[mode] = _unknown(f"there was no end to it within the time that was left: {failure.detail}")
        return
    _derive(known, conversation, failure)


def _derive(known: dict[str, Row], conversation: Conversation, failure: StashMailError | None) -> None:
    """Add what ``conversation`` tells about its own mode and about others; what is known already stays."""
    mode = conversation.settings.security
    row = _row(conversation, failure)
    steps = {str(step["step"]): step for step in conversation.facts["steps"]}
    known[mode] = row
    if not steps.get("connect", {}).get("ok"):
        _also(known, SECURITY_MODES, row)
    elif mode == "smtps":
        if steps.get("tls", {}).get("ok"):
            _also(known, ("plain", *_STARTTLS_MODES), _waiting())
    elif "greeting" in steps:
        _derive_from_clear(known, conversation, steps, row)


def _derive_from_clear(
    known: dict[str, Row], conversation: Conversation, steps: t.Mapping[str, t.Mapping[str, t.Any]], row: Row
) -> None:
    mode = conversation.settings.security
    greeted = steps["greeting"]["ok"] or steps["greeting"].get("code") in ("deferred", "rejected")
    if greeted:
        _also(known, ("smtps",), _not_tls(conversation.settings))
    if not steps.get("hello", {}).get("ok"):
        if greeted:  # it ended before there was a difference
            _also(known, ("plain", *_STARTTLS_MODES), row)
        return
    if mode == "plain":
        offered = any(line.split(" ")[0].upper() == "STARTTLS" for line in conversation.facts["capabilities"])
    else:
        offered = "starttls" in steps and steps["starttls"].get("code") != "starttls_missing"
    if offered:
        if mode in _STARTTLS_MODES:
            _also(known, _STARTTLS_MODES, row)
        return
    _also(known, ("starttls_required",), _refuse("starttls_missing", "the server does not offer STARTTLS"))
    if mode != "starttls_required":
        _also(known, ("plain", "starttls_optional"), row)


def _also(known: dict[str, Row], modes: t.Iterable[str], row: Row) -> None:
    for mode in modes:
        known.setdefault(mode, {**row, "tried": False, "password_tried": False})


def _row(conversation: Conversation, failure: StashMailError | None) -> Row:
    steps = [step["step"] for step in conversation.facts["steps"]]
    password_tried = "auth" in steps
    if isinstance(failure, MailFailure):
        return {**_refuse(failure.code, failure.detail, failure.log), "tried": True, "password_tried": password_tried}
    if failure is not None:
        return _unknown(str(failure))
    code = conversation.outcome
    reason = OUTCOMES[code].meaning
    if conversation.untested and code != "token_untested":
        reason = f"{reason} Whether the server takes the password was not tried."
    if code == "deliver_unauthenticated" and conversation.in_clear:
        reason = f"{reason} The connection is not encrypted."
    by_encryption = "deliver_plaintext" if conversation.in_clear else "deliver"
    return {
        "would": by_encryption if conversation.untested else code,
        "code": code,
        "reason": reason,
        "log": "",
        "tried": True,
        "password_tried": password_tried,
    }


def _refuse(code: str, reason: str, log: str | None = None) -> Row:
    text = OUTCOMES[code].log if log is None else log
    return {"would": "refuse", "code": code, "reason": reason, "log": text, "tried": False, "password_tried": False}


def _waiting() -> Row:
    return _refuse("timeout", "the port speaks TLS from the first byte: Bitbucket would wait for a greeting in vain")


def _not_tls(settings: Settings) -> Row:
    log = (
        f"Could not connect to SMTP host: {settings.host}, port: {settings.port} <- "
        "javax.net.ssl.SSLException: Unsupported or unrecognized SSL message"
    )
    return _refuse("tls_protocol", "the port greets in plaintext, where Bitbucket would expect TLS", log)


def _unknown(reason: str) -> Row:
    return {
        "would": "unknown",
        "code": "unknown",
        "reason": reason,
        "log": "",
        "tried": False,
        "password_tried": False,
    }
