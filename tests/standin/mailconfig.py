# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mail settings as REST spells, checks and shows them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .api_types import Fault, invalid
from .settings import Settings

_Complain = Callable[[str, str], None]

_STRINGS = ("hostname", "username", "password", "senderAddress")
_BOOLEANS = ("useStartTls", "requireStartTls")
_OAUTH2 = ("oauth2ProviderId", "tokenId")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
_ADDRESS = re.compile(f"{_ATOM}@{_ATOM}")


def wire_key(settings: Settings, key: str) -> str:
    """The name of the canonical ``key`` on the wire: ``useStartTls`` or ``use-start-tls``."""
    if settings.key_style == "camel":
        return key
    return re.sub(r"[A-Z]", lambda match: f"-{match.group().lower()}", key)


def is_address(text: object) -> bool:
    """Whether this has the form of one bare mail address."""
    return isinstance(text, str) and _ADDRESS.fullmatch(text) is not None


def parse(settings: Settings, body: object) -> dict[str, Any]:
    """Turn a PUT body into canonical settings; raises Fault (400) naming each field that is wrong.

    Only keys in this install's own spelling are seen: others are unknown keys, and ignored.
    """
    if not isinstance(body, dict):
        raise Fault(400, [invalid(None, "The mail configuration must be a JSON object.")])
    errors: list[dict[str, Any]] = []
    config: dict[str, Any] = {}

    def value(key: str) -> Any:
        return body.get(wire_key(settings, key))

    def wrong(key: str, message: str) -> None:
        errors.append(invalid(wire_key(settings, key), message))

    strings = _STRINGS + (_OAUTH2 if settings.product.has_oauth2_mail else ())
    for key in strings:
        given = value(key)
        if given is not None and not isinstance(given, str):
            wrong(key, f"{key} must be a string.")
        elif given:
            config[key] = given
    for key in _BOOLEANS:
        given = value(key)
        if given is not None and not isinstance(given, bool):
            wrong(key, f"{key} must be true or false.")
        config[key] = given is True
    port = value("port")
    if port is not None:
        if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
            wrong("port", "The port must be a number between 1 and 65535.")
        config["port"] = port
    _parse_choice(config, "protocol", value("protocol"), ("SMTP", "SMTPS"), wrong)
    if settings.product.has_oauth2_mail:
        _parse_choice(config, "authType", value("authType"), ("BASIC", "OAUTH2"), wrong)
        if config["authType"] == "OAUTH2" and "oauth2ProviderId" not in config:
            wrong("oauth2ProviderId", "OAuth 2.0 needs the id of a provider.")
    if not str(value("hostname") or "").strip():
        wrong("hostname", "A hostname is required.")
    if "senderAddress" in config and not is_address(config["senderAddress"]):
        wrong("senderAddress", "The sender address is not a valid mail address.")
    if errors:
        raise Fault(400, errors)
    return config


def _parse_choice(config: dict[str, Any], key: str, given: object, choices: tuple[str, ...], wrong: _Complain) -> None:
    if given is None:
        given = choices[0]
    if given not in choices:
        wrong(key, f"{key} must be one of {', '.join(choices)}.")
    config[key] = given


def show(settings: Settings, config: dict[str, Any], sender: str | None) -> dict[str, Any]:
    """The settings as GET and PUT answer with them; what is not set is left out."""
    shown = {key: value for key, value in config.items() if value is not None}
    if not settings.returns_password:
        shown.pop("password", None)
    if settings.hides_oauth2_ids:
        for key in _OAUTH2:
            shown.pop(key, None)
    if sender:
        shown["senderAddress"] = sender
    return {wire_key(settings, key): value for key, value in sorted(shown.items())}
