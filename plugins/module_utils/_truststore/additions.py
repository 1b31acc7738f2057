# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that are added to a truststore: where they come from, their aliases, and what is odd about them."""

from __future__ import annotations

import datetime
import re
import typing as t
import unicodedata

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._inputs import check_sha256
from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry
from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import Certificate, try_describe
from ansible_collections.stashops.mail.plugins.module_utils._x509.chain import PresentedChain
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import sha256

_MAX_ALIAS = 200
# What JDK 8 and later refuse by jdk.certpath.disabledAlgorithms, and what is near to that.
_MIN_RSA, _MIN_EC = 2048, 224


class CertificateSet:
    """Collects certificates, each once; an alias that the operator gave wins over a made one."""

    def __init__(self) -> None:
        self._aliases: dict[bytes, str | None] = {}
        self._facts: dict[bytes, dict[str, t.Any]] = {}
        self._origins: dict[bytes, str] = {}

    def add(self, ders: list[bytes], where: str, alias: str | None = None) -> None:
        """Add certificates; ``where`` names their origin in errors, such as ``certificates[0]``.

        :raises StashMailError: if one cannot be parsed, or the alias cannot be used.
        """
        given = check_alias(alias, f"{where}.alias") if alias is not None else None
        for der in ders:
            try:
                certificate = Certificate(der)
            except StashMailError as error:
                raise StashMailError(f"{where}: {error}") from None
            if certificate.refusal:
                raise StashMailError(
                    f"{where}: the certificate with SHA-256 {sha256(der)} is refused, since {certificate.refusal}: a "
                    "JVM could not open a truststore with it at all. Ask who issued it for one in order."
                )
            self._facts[der] = certificate.as_dict()
            self._origins.setdefault(der, where)
            name = given if given is None or len(ders) == 1 else f"{given}-{sha256(der)[:8]}"
            if self._aliases.get(der) is None:
                self._aliases[der] = name

    def entries(self) -> list[Entry]:
        """All that was added, under telling aliases."""
        return [Entry(alias or default_alias(self._facts[der]), der) for der, alias in self._aliases.items()]

    def origin(self, der: bytes) -> str:
        """Where one of them came from, such as ``certificates[0]``; empty for others."""
        return self._origins.get(der, "")

    def facts(self, der: bytes) -> dict[str, t.Any]:
        """What :meth:`Certificate.as_dict` says of one of them."""
        return self._facts[der]


def check_alias(alias: str, option: str) -> str:
    """The alias in lowercase, as Java needs it; raises :class:`StashMailError` naming ``option``."""
    stripped = alias.strip()
    if not stripped or len(stripped) > _MAX_ALIAS or not all(" " <= character <= "~" for character in stripped):
        raise StashMailError(
            f"{option} {alias[:_MAX_ALIAS]!r} cannot be used: 1 to {_MAX_ALIAS} printable ASCII characters are needed. "
            "Leave it out to have one made from the certificate's subject."
        )
    return stripped.lower()


def default_alias(facts: t.Mapping[str, t.Any]) -> str:
    """An alias from the subject's name and the SHA-256, such as ``stash_mail:example-root-ca-3f2a9c01``."""
    return f"stash_mail:{slug(facts['common_name'])}-{facts['sha256'][:8]}"


def slug(text: str) -> str:
    """``text`` in lowercase ASCII letters, digits and hyphens; Latin letters lose their accents."""
    # Only Latin letters of old: for others the answer depends on the Unicode tables of the target's Python.
    latin = "".join(unicodedata.normalize("NFKD", letter)[0] if letter < "\u0250" else letter for letter in text)
    return re.sub(r"[^a-z0-9]+", "-", latin.lower()).strip("-")[:64] or "certificate"


def choose(presented: PresentedChain, wanted: t.Sequence[str], where: str) -> list[bytes]:
    """The presented certificates with the ``wanted`` SHA-256 fingerprints.

    :raises StashMailError: if none is wanted, or one is not presented; the message lists what is.
    """
    server = f"{presented.host}:{presented.port}"
    if not wanted:
        raise StashMailError(
            f"{where} has no sha256, and nothing is trusted just because a network said so. {server} presented:\n"
            f"{_listing(presented)}\nCompare the fingerprint with the mail server's administrator, not over this "
            f"network, and give that of the CA (or of a self-signed server certificate) as {where}.sha256.",
            presented=describe_all(presented.certificates),
        )
    by_fingerprint = {sha256(der): der for der in presented.certificates}
    chosen = []
    for item in wanted:
        fingerprint = check_sha256(item, f"{where}.sha256")
        if fingerprint not in by_fingerprint:
            hint = (
                ""
                if presented.complete
                else (
                    " This Python could read the server's own certificate only: give the CA as a file in certificates."
                )
            )
            raise StashMailError(
                f"{where}: {server} presented no certificate with the SHA-256 {fingerprint}, but:\n"
                f"{_listing(presented)}\nEither the server's certificates were replaced, or someone is in between. "
                f"Ask the mail server's administrator before you change {where}.sha256.{hint}",
                presented=describe_all(presented.certificates),
            )
        chosen.append(by_fingerprint[fingerprint])
    return chosen


def describe_all(ders: t.Iterable[bytes]) -> list[dict[str, t.Any]]:
    """What each certificate says, as :func:`try_describe` does."""
    return [try_describe(der) for der in ders]


def warnings_for(
    alias: str, facts: t.Mapping[str, t.Any], warn_days: int, now: datetime.datetime | None = None
) -> t.Iterator[str]:
    """What the operator should know about an anchor, one sentence each; ``now`` is for tests."""
    moment = now or datetime.datetime.now(datetime.timezone.utc)
    name = f"The certificate {alias} ({facts['subject'] or 'without a subject'})"
    not_after = _moment(facts["not_after"])
    if not_after < moment:
        yield (
            f"{name} expired on {facts['not_after']}. The JVM goes on to accept it as an anchor, but not what has "
            "itself expired: replace it."
        )
    elif not_after < moment + datetime.timedelta(days=warn_days):
        yield f"{name} expires on {facts['not_after']}, in {(not_after - moment).days} days: get its successor."
    if _moment(facts["not_before"]) > moment:
        yield f"{name} is not valid before {facts['not_before']}: check it, and the target's clock."
    if not facts["is_ca"] and not facts["self_signed"]:
        yield (
            f"{name} is a server's own certificate, issued by {facts['issuer']}: mail stops when the server gets its "
            "next one. Give the CA's certificate instead."
        )
    if _is_weak(facts["key"]):
        yield f"{name} has a weak key, {facts['key']}: a current JVM may refuse it. Ask for a new certificate."


def _is_weak(key: str) -> bool:
    kind, size = f"{key} ".split(" ", 1)
    size = size.strip()
    if kind == "EC":
        bits = re.search(r"\d+", size)
        return bool(bits and int(bits.group()) < _MIN_EC)
    return kind in ("RSA", "DSA") and size.isdigit() and int(size) < _MIN_RSA


def _moment(text: str) -> datetime.datetime:
    # Not by strptime, whose own imports take longer.
    return datetime.datetime.fromisoformat(text.rstrip("Z")).replace(tzinfo=datetime.timezone.utc)


def _listing(presented: PresentedChain) -> str:
    lines = []
    for facts in describe_all(presented.certificates):
        role = "CA" if facts.get("is_ca") else "server"
        if facts.get("self_signed"):
            role = f"self-signed {role}"
        lines.append(f"  {facts['sha256']}  {role}  {facts['subject']}, until {facts['not_after']}")
    return "\n".join(lines)
