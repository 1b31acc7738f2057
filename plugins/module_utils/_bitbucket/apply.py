# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write Bitbucket's mail settings so that they are known to have stuck, or say in what state Bitbucket is.

A key in a spelling that an instance does not know is ignored there, and a STARTTLS flag that is ignored means mail and
password in plain text. So where the spelling is not known, it is learnt first by settings that can do no harm: SMTPS,
which never speaks plain text, and no credentials.
"""

from __future__ import annotations

import dataclasses
import re
import time
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.rest import BadRequest
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.settings import (
    BASIC,
    CAMEL,
    HYPHEN,
    OAUTH2,
    STYLES,
    MailSettings,
    Observed,
    as_dict,
    differences,
    observe,
    starttls_flags,
    to_wire,
)
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.signals import Interrupted, Signals
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

if t.TYPE_CHECKING:
    from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.client import Bitbucket

_FIRST_WITH_OAUTH2 = 10
_OAUTH2_FIELDS = frozenset({"auth_type", "oauth2_provider_id", "oauth2_token_id"})
_MAJOR = re.compile(r"\d{1,6}")
# Seconds between the tries to take back what was written.
_PAUSES = (0.5, 1.0, 2.0)


def read_settings(client: Bitbucket) -> Observed:
    """Read what is configured now."""
    return observe(client.mail_server(), client.sender_address)


def check_oauth2(client: Bitbucket, before: Observed, wanted: MailSettings, overwrite: bool) -> None:
    """Raise where OAuth 2.0 is wanted of a Bitbucket that does not know it, or would be lost without ``overwrite``."""
    if wanted.is_oauth2:
        if not before.shows_auth_type:
            _check_version(client)
        return
    if before.settings is not None and before.settings.auth_type != BASIC and not overwrite:
        raise StashMailError(
            f"Bitbucket's mail server is configured for {_kind(before.settings.auth_type)}, and these settings would "
            "replace that by a user name and password, or by no login. Nothing was changed. Set overwrite_oauth2 to "
            "true if that is what you want.",
            code="oauth2",
        )


def _kind(auth_type: str) -> str:
    return "OAuth 2.0" if auth_type == OAUTH2 else f"the login {auth_type}"


def _check_version(client: Bitbucket) -> None:
    version = str(client.properties()["version"])
    major = _MAJOR.match(version)
    if major is None or int(major.group()) < _FIRST_WITH_OAUTH2:
        raise StashMailError(
            f"auth_type=oauth2 needs Bitbucket {_FIRST_WITH_OAUTH2} or later, and {client.url} is version {version!r}. "
            "Nothing was changed. Use auth_type=basic with username and password.",
            code="too_old",
        )


def write(client: Bitbucket, wanted: MailSettings, password: str, before: Observed) -> Observed:
    """Replace the settings and return them as read back, equal to ``wanted``.

    :raises StashMailError: where a field did not stick or a call failed; the message ends with the state that
        Bitbucket is in. Where no mail server was configured before, that is restored.
    """
    with Signals() as signals:
        try:
            return _write(client, wanted, password, before)
        except (Exception, Interrupted) as error:
            signals.heeded = False
            if isinstance(error, Interrupted):
                error = StashMailError(f"While it wrote the settings, {error}.", code="interrupted")
            elif not isinstance(error, StashMailError):
                # Its text could hold a secret.
                text = f"Bitbucket sent what cannot be read ({type(error).__name__})."
                error = StashMailError(text, code="unexpected")
            raise _with_state(client, error, before) from None


def _write(client: Bitbucket, wanted: MailSettings, password: str, before: Observed) -> Observed:
    seen = before
    missing: list[str] = []
    refusal: BadRequest | None = None
    for style in _order(client, before):
        # Shown by Bitbucket, or nothing at stake.
        trusted = style == before.style or not wanted.security.startswith("starttls")
        try:
            if not trusted:
                seen = _learn(client, wanted, style, seen)
                if seen.flags != starttls_flags(wanted.security):
                    missing = missing or ["security"]
                    continue
            client.put_mail_server(to_wire(wanted, password, style, auth_type=seen.shows_auth_type))
        except BadRequest as error:
            if style == before.style:
                raise
            # An instance may refuse keys that it does not know, so the other spelling gets its turn.
            refusal = error
            continue
        seen = _with_sender(client, wanted)
        missing = differences(wanted, seen.settings)
        if not missing:
            return seen
        if seen.style == style and _OAUTH2_FIELDS.issuperset(missing):
            # The spelling is right, so the other one would only take away what did stick.
            break
    if refusal is not None:
        raise refusal
    raise StashMailError(
        f"Bitbucket accepted the settings, but shows {', '.join(missing)} otherwise when read back, in both spellings "
        "of the keys. Set them in Bitbucket's administration (Mail server) and report this with Bitbucket's version.",
        code="not_stuck",
        not_stuck=missing,
    )


def _order(client: Bitbucket, before: Observed) -> tuple[str, str]:
    """Both spellings, the likelier one first: the one shown, else hyphens up to 7.x (known of 6.10)."""
    first = before.style
    if first is None:
        major = _MAJOR.match(client.properties()["version"])
        first = HYPHEN if major and int(major.group()) < 8 else CAMEL
    return (first, STYLES[1 - STYLES.index(first)])


def _learn(client: Bitbucket, wanted: MailSettings, style: str, seen: Observed) -> Observed:
    """Write all but the credentials and return what is read back: its flags tell whether ``style`` is understood."""
    harmless = dataclasses.replace(wanted, username="", auth_type=BASIC, oauth2_provider_id="", oauth2_token_id="")
    body = to_wire(harmless, "", style, auth_type=seen.shows_auth_type)
    client.put_mail_server({**body, "protocol": "SMTPS"})
    seen = read_settings(client)
    if seen.style == style and seen.flags != starttls_flags(wanted.security):
        # The flags mean nothing for SMTPS, so an instance may not keep them there.
        client.put_mail_server(body)
        seen = read_settings(client)
    return seen


def _with_sender(client: Bitbucket, wanted: MailSettings) -> Observed:
    """Read back, and set the sender by its own resource where the mail server's did not take it."""
    seen = read_settings(client)
    if seen.settings is not None and seen.sender != wanted.sender:
        client.put_sender_address(wanted.sender)
        seen = read_settings(client)
    return seen


def remove(client: Bitbucket, before: Observed) -> Observed:
    """Remove mail server and sender, and return what is read back; raises with the state Bitbucket is in."""
    try:
        if before.settings is not None:
            client.delete_mail_server()
        # Deleting the mail server may or may not clear the sender.
        seen = read_settings(client)
        if seen.sender:
            client.delete_sender_address()
            seen = read_settings(client)
        if seen.settings is not None or seen.sender:
            raise StashMailError("Bitbucket accepted the removal, but still shows mail settings.", code="not_stuck")
    except StashMailError as error:
        raise StashMailError(f"{error} {_state(client, before)}", **error.details) from None
    return seen


def _with_state(client: Bitbucket, error: StashMailError, before: Observed) -> StashMailError:
    state = _take_back(client, before) if before.settings is None else ""
    return StashMailError(f"{error} {state}{_state(client, before)}", **error.details)


def _take_back(client: Bitbucket, before: Observed) -> str:
    """Remove what a first configuration has left, and return a sentence on it; never raises.

    Tried more than once: what interrupted it, such as a proxy's 503, may be over a moment later.
    """
    client.renew_deadline()
    removed = ""
    for pause in (*_PAUSES, 0.0):
        try:
            if read_settings(client).settings is not None:
                client.delete_mail_server()
                removed = "What was written has been removed again. "
            if read_settings(client).sender != before.sender:
                if before.sender:
                    client.put_sender_address(before.sender)
                else:
                    client.delete_sender_address()
        except StashMailError:
            # What is left is told by the state, which is read again.
            time.sleep(pause)
        else:
            break
    return removed


def _state(client: Bitbucket, before: Observed) -> str:
    client.renew_deadline()
    try:
        now = read_settings(client)
    except StashMailError as error:
        return f"What Bitbucket's mail settings are now could not be read: {error}"
    if now.settings == before.settings and now.sender == before.sender:
        if now.settings is None:
            return "Bitbucket has no mail server configured, as before."
        return "Bitbucket's mail settings are as before, as far as they can be read (the password cannot)."
    facts = ", ".join(f"{name} {value!r}" for name, value in (as_dict(now) or {}).items() if value != "")
    return f"Bitbucket's mail settings are now: {facts or 'none'}."
