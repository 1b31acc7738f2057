# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending without a JVM, for the demo on a machine that has none: smtplib and the same truststore file.

It stands in for what JavaMail does as far as Python's ssl can: the trust comes from ``-Djavax.net.ssl.trustStore``
and is read once; names of servers are not checked. The JVM remains the judge everywhere else.
"""

from __future__ import annotations

import importlib
import re
import smtplib
import ssl
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from .message import MailJob

_READER = "ansible_collections.stashops.mail.plugins.module_utils._truststore.store"
_JKS_MAGIC = b"\xfe\xed\xfe\xed"


def system_properties(arguments: Sequence[str]) -> dict[str, str]:
    """The ``-Dname=value`` among a JVM's arguments; of several with one name the last counts."""
    matches = (re.fullmatch(r"-D([^=]+)=(.*)", argument, re.DOTALL) for argument in arguments)
    return {match.group(1): match.group(2) for match in matches if match}


def trust_context(properties: dict[str, str], project_root: str) -> ssl.SSLContext:
    """A TLS context that trusts what the truststore holds; raises ValueError where it cannot be read.

    As with the JVM, no truststore or a missing file means the default authorities.
    """
    path = properties.get("javax.net.ssl.trustStore", "")
    if not path or not Path(path).is_file():
        context = ssl.create_default_context()
    else:
        # Without the property the digest is not checked, as in a JVM.
        password = properties.get("javax.net.ssl.trustStorePassword")
        content = Path(path).read_bytes()
        anchors = _read(content, password, project_root)
        if not anchors:
            raise ValueError(f"the trustAnchors parameter must be non-empty: {path} holds no usable certificate")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=b"".join(anchors))
    context.check_hostname = False
    # A JVM trusts any certificate in the store for what it signed or is.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _read(content: bytes, password: str | None, project_root: str) -> list[bytes]:
    if project_root:
        sys.path.append(str(Path(project_root) / "collections"))
    try:
        reader = importlib.import_module(_READER)
    except ImportError as exception:
        raise ValueError(
            f"no truststore can be read without a JVM: {exception}; start from a checkout of the project"
        ) from exception
    entries = reader.read_store(content, password)
    # Java never finds a JKS entry whose alias has an uppercase letter.
    lost = content.startswith(_JKS_MAGIC)
    return [entry.der for entry in entries if not (lost and entry.alias != entry.alias.lower())]


class PythonTransport:
    """Sends with smtplib; the truststore is read when this is made, and never again."""

    def __init__(self, jvm_arguments: Sequence[str], project_root: str) -> None:
        self._context: ssl.SSLContext | None = None
        self._failure = ""
        try:
            self._context = trust_context(system_properties(jvm_arguments), project_root)
        except Exception:
            # A JVM with a broken truststore starts too, and fails at each TLS connection.
            self._failure = traceback.format_exc()

    def send(self, job: MailJob) -> str:
        try:
            self._deliver(job)
        except (OSError, smtplib.SMTPException, _NoTrustError) as exception:
            return "".join(traceback.format_exception(exception))
        return ""

    def _deliver(self, job: MailJob) -> None:
        tls_only = job.protocol == "SMTPS"
        port = job.port or (465 if tls_only else 25)
        connection: smtplib.SMTP
        if tls_only:
            connection = smtplib.SMTP_SSL(job.host, port, timeout=job.connect_timeout, context=self._trust())
        else:
            connection = smtplib.SMTP(job.host, port, timeout=job.connect_timeout)
        with connection:
            connection.ehlo()
            if not tls_only and (job.use_starttls or job.require_starttls):
                if connection.has_extn("starttls"):
                    connection.starttls(context=self._trust())
                    connection.ehlo()
                elif job.require_starttls:
                    raise smtplib.SMTPNotSupportedError("STARTTLS is required but host does not support STARTTLS")
            if job.username and connection.has_extn("auth"):
                connection.login(job.username, job.password)
            connection.sendmail(job.sender, [job.recipient], job.message)

    def _trust(self) -> ssl.SSLContext:
        if self._context is None:
            raise _NoTrustError(f"the truststore cannot be used:\n{self._failure}")
        return self._context


class _NoTrustError(Exception):
    """TLS was asked for and there is no truststore to judge it by."""
