# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of what an operator types, before anything reaches a server or a file.

Old JavaMail lets a line break in the sender's address become further SMTP commands, and the JVM and Bitbucket
disagree on non-ASCII names, so both are refused here with the option's name.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

# Seconds that anything may be waited for.
MAX_DEADLINE = 3600.0
SECURITY_MODES = ("plain", "starttls_optional", "starttls_required", "smtps")

# RFC 1123 labels, plus the underscore that internal DNS zones use although host names should not.
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# RFC 5321 Mailbox with an RFC 5322 dot-atom as local part; quoted local parts are not accepted by the product's form.
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_FINGERPRINT_SEPARATORS = re.compile(r"[:\s-]")


def check_printable_ascii(value: str, option: str) -> str:
    """Return ``value`` if it is printable ASCII, else raise :class:`StashMailError` naming ``option``."""
    for position, character in enumerate(value, start=1):
        if not " " <= character <= "~":
            kind = "a control character" if ord(character) < 0x20 or ord(character) == 0x7F else "a non-ASCII character"
            raise StashMailError(
                f"{option} holds {kind} (U+{ord(character):04X}) at position {position}: "
                "only printable ASCII reaches a mail server unchanged. Remove it."
            )
    return value


def check_host(value: str, option: str = "host") -> str:
    """Return a host name or IP address as given, or raise :class:`StashMailError`."""
    if not value:
        raise StashMailError(f"{option} is empty: give the mail server's host name.")
    check_printable_ascii(value, option)
    try:
        ipaddress.ip_address(value)
        return value
    except ValueError:
        pass
    name = value[:-1] if value.endswith(".") else value
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise StashMailError(
            f"{option} {value!r} is not a host name or an IP address: give the bare name, "
            "without scheme, port, brackets or spaces (for a non-ASCII name its xn-- form)."
        )
    return value


def check_port(value: int, option: str = "port") -> int:
    """Return a TCP port, 1 to 65535, or raise :class:`StashMailError`."""
    if not 1 <= value <= 65535:
        raise StashMailError(f"{option} {value} is out of range: a TCP port is 1 to 65535.")
    return value


def check_seconds(value: float, option: str, most: float, *, zero: bool = False) -> float:
    """Return a number of seconds, at most ``most`` and more than 0, or 0 too with ``zero``; else raise."""
    # "Not a number" is neither; each of its comparisons is false.
    if 0 < value <= most or (zero and value == 0):
        return value
    least = "0 or more" if zero else "more than 0"
    raise StashMailError(f"{option} {value:g} is out of range: give seconds, {least} and at most {most:g}.")


def check_address(value: str, option: str) -> str:
    """Return a bare mail address (``local@domain``, ASCII), or raise :class:`StashMailError`."""
    if not value:
        raise StashMailError(f"{option} is empty: give a mail address.")
    check_printable_ascii(value, option)
    local_part, at, domain = value.rpartition("@")
    if not at or not local_part or len(local_part) > 64 or not _LOCAL_PART.fullmatch(local_part):
        raise StashMailError(
            f"{option} {value!r} is not a mail address: give it bare, as user@example.com, without a display name."
        )
    if domain.startswith("[") and domain.endswith("]"):
        literal = domain[1:-1]
        literal = literal[5:] if literal.lower().startswith("ipv6:") else literal
        try:
            ipaddress.ip_address(literal)
        except ValueError:
            raise StashMailError(f"{option} {value!r} has no IP address between its brackets.") from None
        return value
    check_host(domain, f"the domain of {option}")
    return value


def check_credentials(username: str | None, password: t.Any) -> tuple[str, str] | None:
    """Return both or neither: Bitbucket sends anonymously only if user name and password are both empty."""
    password = check_password(password, "password")
    if not username and not password:
        return None
    if not username:
        raise StashMailError(
            "password is set but username is empty: give both to authenticate, or neither for anonymous mail."
        )
    if not password:
        raise StashMailError(
            "username is set but password is empty: give both to authenticate, or neither for anonymous mail."
        )
    return check_printable_ascii(username, "username"), password


def check_password(value: t.Any, option: str) -> str:
    """Return a secret as text, empty for None; raise :class:`StashMailError` naming ``option`` where it is none.

    A whole number is taken as its digits. Nothing of the secret is ever echoed.
    """
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        kind = {dict: "a dictionary", list: "a list", bool: "true or false", float: "a number with a point"}
        found = next((words for cls, words in kind.items() if isinstance(value, cls)), "no text")
        raise StashMailError(f"{option} is {found}: give it as text, in quotes.")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
        raise StashMailError(
            f"{option} holds a control character, such as the line break at the end of a file: remove it."
        )
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise StashMailError(f"{option} holds bytes that are not UTF-8: store it as UTF-8.")
    return value


def check_no_password(username: str | None, password: t.Any) -> None:
    """Check what goes with OAuth 2.0: the user name may be empty, the password must be."""
    if password:
        raise StashMailError(
            "password is set although auth_type is oauth2, where Bitbucket logs in by a token: "
            "leave password out, or use auth_type=basic."
        )
    check_printable_ascii(username or "", "username")


def check_oauth2_ids(params: t.Mapping[str, t.Any]) -> None:
    """Both ids with OAuth 2.0 and none without; raise :class:`StashMailError` naming the option."""
    for option in ("oauth2_provider_id", "oauth2_token_id"):
        value = params.get(option) or ""
        if params["auth_type"] != "oauth2" and value:
            raise StashMailError(f"{option} is set although auth_type is {params['auth_type']}: it needs oauth2.")
        if params["auth_type"] == "oauth2" and not value:
            raise StashMailError(
                f"{option} is empty: auth_type=oauth2 needs the id that Bitbucket has given it, "
                "so set OAuth 2.0 up in Bitbucket's administration first."
            )
        check_printable_ascii(value, option)


def check_sha256(value: str, option: str) -> str:
    """Return a SHA-256 fingerprint as 64 lowercase hex digits; colons, spaces and dashes between them are allowed."""
    digits = _FINGERPRINT_SEPARATORS.sub("", value).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise StashMailError(
            f"{option} is not a SHA-256 fingerprint: 64 hexadecimal digits are expected, "
            f"colons allowed, and {len(digits)} characters were given."
        )
    return digits


def check_connection(params: t.Mapping[str, t.Any]) -> None:
    """Check the options that every module talking to a mail server shares; absent ones are left alone."""
    check_host(params.get("host") or "", "host")
    check_port(params["port"], "port")
    if params.get("auth_type") == "oauth2":
        check_no_password(params.get("username"), params.get("password"))
    else:
        check_credentials(params.get("username"), params.get("password"))
    for option in ("sender", "recipient"):
        if params.get(option):
            check_address(params[option], option)
