# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A truststore is put in place only after the product's JVM has loaded it.

There are certificates that Python reads and no JVM does. A single one of them makes a truststore that no JVM opens, and
all TLS of the product ends with it.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._truststore.build import Candidate
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import (
    Setup,
    SharedJvm,
    Truststore,
    innermost,
)
from ansible_collections.stashops.mail.plugins.module_utils._x509 import jdk


def product_setup(params: t.Mapping[str, t.Any]) -> Setup:
    """The product's Java by the options of stash_mail_truststore, the one on the PATH where it is not found."""
    from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs
    from ansible_collections.stashops.mail.plugins.module_utils._product import systemd
    from ansible_collections.stashops.mail.plugins.module_utils._product.process import find_process, looked_at_once

    if params["behind"]:
        return Setup(params["java_home"], behind=params["behind"])
    home = account = None
    with contextlib.suppress(StashMailError), looked_at_once():
        home = installs.find_java(params["install_dir"], params["java_home"], params["service"]).home.path
        service = systemd.find_service(params["service"])
        install = installs.find_install(params["install_dir"], service)
        account = installs.find_user(install, service, find_process(install.path if install else None, service))
    return Setup(home, account=account)


def load_by_product(candidate: Candidate, params: t.Mapping[str, t.Any]) -> dict[str, str]:
    """As :func:`load`, by a JVM of its own, for the options of stash_mail_truststore."""
    with SharedJvm(product_setup(params)) as java:
        return load(java, candidate, params["deadline"])


def load(java: SharedJvm, candidate: Candidate, seconds: float) -> dict[str, str]:
    """Have the JVM load the truststore that would be written; return ``method`` and ``reason``.

    ``method`` is ``jvm``, or ``rules`` where none can be asked: then the reasons that are known here have to do.

    :raises StashMailError: naming the certificates that the JVM does not read.
    """
    deadline = Deadline(seconds)
    # As the product's JVM reads it: of a JKS it is not told that it is one.
    kind = None if candidate.format == "jks" else candidate.format
    truststore = Truststore(None, candidate.password, kind, candidate.data)
    try:
        count, error = java.begin().load(truststore, deadline)
        certificates = [entry.der for entry in candidate.entries]
        unread = java.begin().read(certificates, deadline) if error else {}
        how = java.begin().how
    except StashMailError as failure:
        java.give_up(failure)
        _check_by_rules(candidate)
        return {"method": "rules", "reason": str(failure)}
    refused = [f"{candidate.name(certificates[index])}: {innermost(why)}" for index, why in unread.items()]
    if refused:
        raise StashMailError(f"{how} does not read what the truststore would hold. {_ending(refused)}")
    if error or count != len(certificates):
        why = innermost(error) if error else f"it trusts {count} of {len(certificates)} certificates"
        raise StashMailError(f"{how} does not load the truststore as it would be: {why}. Nothing was changed.")
    return {"method": "jvm", "reason": how}


def _check_by_rules(candidate: Candidate) -> None:
    """Refuse what no JVM is known to read. What was asked to be added has been looked at already, the base has not."""
    found = ((entry.der, jdk.refusal(entry.der)) for entry in candidate.entries)
    refused = [f"{candidate.name(der)}: {why}" for der, why in found if why]
    if refused:
        raise StashMailError(f"No JVM reads what the truststore would hold. {_ending(refused)}")


def _ending(refused: t.Sequence[str]) -> str:
    return (
        f"It could not open the truststore at all: {'; '.join(refused)}. Nothing was changed. Leave it out, and ask "
        "who issued it for one in order."
    )
