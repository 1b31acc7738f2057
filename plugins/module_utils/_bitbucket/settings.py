# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bitbucket's mail settings as we name them, and in the two spellings that REST has.

The published API spells the keys in camel case, older products hyphenate them, and which versions do which is not
published. So both are read, and what is written follows what was read.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._secrets import printable

CAMEL = "camel"
HYPHEN = "hyphen"
STYLES = (CAMEL, HYPHEN)

# Fields whose name tells the spelling; hostname, port, protocol, username and password are the same in both.
_STYLED = ("useStartTls", "requireStartTls", "senderAddress", "authType", "oauth2ProviderId", "tokenId")
_FLAGS = {"plain": (False, False), "starttls_optional": (True, False), "starttls_required": (True, True)}
# What the product uses where no port is set.
_DEFAULT_PORT = 25
# What REST calls the ids of an OAuth 2.0 configuration.
_OAUTH2_IDS = {"oauth2_provider_id": "oauth2ProviderId", "oauth2_token_id": "tokenId"}
BASIC = "BASIC"
OAUTH2 = "OAUTH2"
# A run of one character, or a word in brackets: what stands where a password is not shown.
_MASK = re.compile(r"(.)\1*|<.*>|\[.*\]", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class MailSettings:
    """One mail server's settings without the password; empty ``username`` means anonymous.

    ``security`` is one of the four modes, or ``unknown`` for a combination that no mode stands for. The two ids are
    of an OAuth 2.0 configuration only, and None where an instance does not show them.
    """

    host: str
    port: int
    security: str
    username: str
    sender: str
    auth_type: str = BASIC
    oauth2_provider_id: str | None = ""
    oauth2_token_id: str | None = ""

    @property
    def is_oauth2(self) -> bool:
        """Whether Bitbucket logs in at the mail server by a token of its own, not by a password."""
        return self.auth_type == OAUTH2

    @property
    def hides_ids(self) -> bool:
        """Whether an id is there that is not shown."""
        return self.is_oauth2 and None in (self.oauth2_provider_id, self.oauth2_token_id)


@dataclasses.dataclass(frozen=True)
class Observed:
    """What an instance says of itself; ``settings`` is None where no mail server is configured.

    ``style`` is None where nothing showed the spelling, ``password`` where none, or a masked one, was shown.
    ``flags`` are useStartTls and requireStartTls as shown, whatever the protocol.
    """

    settings: MailSettings | None
    sender: str = ""
    style: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    shows_auth_type: bool = False
    flags: tuple[bool, bool] = (False, False)


def hyphenated(key: str) -> str:
    """Return ``useStartTls`` as ``use-start-tls``."""
    return re.sub(r"[A-Z]", lambda match: "-" + match.group().lower(), key)


def observe(body: t.Mapping[str, t.Any] | None, sender: t.Callable[[], str]) -> Observed:
    """Read the settings from either spelling.

    :param body: REST's mail settings, or None where no mail server is configured.
    :param sender: asks for the sender's address where ``body`` does not show it.
    """
    if body is None:
        return Observed(None, sender())

    def value(key: str) -> t.Any:
        return body.get(key, body.get(hyphenated(key)))

    shown = value("senderAddress")
    address = _text(shown) or sender()
    auth_type = value("authType")
    method = (_text(auth_type) or BASIC).upper()
    ids = {name: _shown_id(value(key)) if method == OAUTH2 else "" for name, key in _OAUTH2_IDS.items()}
    password = body.get("password")
    use, require = _is_true(value("useStartTls")), _is_true(value("requireStartTls"))
    return Observed(
        MailSettings(
            host=_text(body.get("hostname")),
            port=_port(body.get("port")),
            security=_security(_text(body.get("protocol")) or "SMTP", use, require),
            username=_text(body.get("username")),
            sender=address,
            auth_type=method,
            **ids,
        ),
        address,
        _style(body),
        password if isinstance(password, str) and not _MASK.fullmatch(password) and password else None,
        auth_type is not None,
        (use, require),
    )


def _style(body: t.Mapping[str, t.Any]) -> str | None:
    if any(key in body for key in _STYLED):
        return CAMEL
    return HYPHEN if any(hyphenated(key) in body for key in _STYLED) else None


def _shown_id(value: t.Any) -> str | None:
    text = _text(value) or (str(value) if isinstance(value, int) else "")
    # Of one digit, too, an id may be: a mask is made of other characters.
    return None if not text or (_MASK.fullmatch(text) and not text.isalnum()) else text


def _text(value: t.Any) -> str:
    return value if isinstance(value, str) else ""


def _is_true(value: t.Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _port(value: t.Any) -> int:
    try:
        return int(value) if value is not None else _DEFAULT_PORT
    except (TypeError, ValueError, OverflowError):
        return 0


def _security(protocol: str, use: bool, require: bool) -> str:
    if protocol.upper() == "SMTPS":
        # The flags mean something for SMTP only.
        return "smtps"
    # To require what is not used contradicts itself, and what the product makes of it is not published:
    # as "unknown" it equals no mode that could be wanted, and so is written anew.
    return {flags: mode for mode, flags in _FLAGS.items()}.get((use, require), "unknown")


def starttls_flags(security: str) -> tuple[bool, bool]:
    """Return useStartTls and requireStartTls for a mode; both false for ``smtps``, where they mean nothing."""
    return _FLAGS.get(security, (False, False))


def to_wire(settings: MailSettings, password: str, style: str, *, auth_type: bool) -> dict[str, t.Any]:
    """Return the body of a PUT, which replaces everything: each field is sent, also when false or empty.

    :param auth_type: whether the product knows ``authType`` (10.0 and later); others may refuse it. It is always sent
        for OAuth 2.0.
    """
    use, require = starttls_flags(settings.security)
    body: dict[str, t.Any] = {
        "hostname": settings.host,
        "port": settings.port,
        "protocol": "SMTPS" if settings.security == "smtps" else "SMTP",
        "useStartTls": use,
        "requireStartTls": require,
        "username": settings.username,
        "password": password,
        "senderAddress": settings.sender,
    }
    if auth_type or settings.is_oauth2:
        body["authType"] = settings.auth_type
    if settings.is_oauth2:
        body.update({key: getattr(settings, name) for name, key in _OAUTH2_IDS.items()})
    return body if style == CAMEL else {hyphenated(key): value for key, value in body.items()}


def differences(wanted: MailSettings, seen: MailSettings | None) -> list[str]:
    """Return the names of the fields in which ``seen`` is not as ``wanted``, in a fixed order.

    An id that is not shown is no difference: nothing is known of it.
    """
    names = list(settings_dict(wanted))
    if seen is None:
        return names
    return [name for name in names if getattr(seen, name) not in (getattr(wanted, name), None)]


def as_dict(observed: Observed) -> dict[str, t.Any] | None:
    """Return the settings for results and diffs, without the password; None where nothing at all is set.

    The ids are in it with OAuth 2.0 only.
    """
    if observed.settings is not None:
        return settings_dict(observed.settings)
    return {"sender": printable(observed.sender)} if observed.sender else None


def settings_dict(settings: MailSettings) -> dict[str, t.Any]:
    """Return all the fields that these settings have, as they may be shown: an instance may hold any text."""
    values = dataclasses.asdict(settings)
    return {
        name: printable(value) if isinstance(value, str) else value
        for name, value in values.items()
        if settings.is_oauth2 or name not in _OAUTH2_IDS
    }
