# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the plan that is about the messages in the end: could they be sent, and could they be seen to arrive?"""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._plan.asking import Answer, Asking, skipped
from ansible_collections.stashops.mail.plugins.module_utils._plan.in_force import in_force
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import Anchors, read_anchors
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import NO_CRYPTOGRAPHY

Params = t.Mapping[str, t.Any]


def ask(asking: Asking, params: Params, planned: bytes | None, has_cryptography: bool) -> None:
    """Ask for what is wanted; ``planned`` is the truststore as it would be, None without one.

    An account is tried once: where a mailbox refuses it, the second question is not asked.
    """
    for name, question in (("send", _send), ("notification", _notification)):
        if params[name]:
            why = _obstacle(asking.answers, params[name], has_cryptography)
            if why:
                asking.answers[name] = skipped(why)
                continue
            options = _with_what_was_found(params, name, asking.answers["product"])
            asking.ask(name, functools.partial(question, options=options, planned=anchors(params, options, planned)))


def _send(_host: Host, options: Params, planned: Anchors | None) -> Answer:
    from ansible_collections.stashops.mail.plugins.module_utils._smtp import delivery

    return delivery.ask(options, planned)


def _notification(host: Host, options: Params, planned: Anchors | None) -> Answer:
    from ansible_collections.stashops.mail.plugins.module_utils._bitbucket import notify

    return notify.ask(host, options, planned)


def _obstacle(answers: t.Mapping[str, Answer], options: Params, has_cryptography: bool) -> str:
    """Why not to ask, empty where nothing is in the way."""
    mailbox = options["imap"] or options["pop3"]
    if mailbox and mailbox["security"] != "plain":
        if not has_cryptography:
            return NO_CRYPTOGRAPHY
        if answers.get("truststore", {}).get("failed"):
            return "Not asked, since there is no truststore to judge the mailbox's server by."
    if any(answers.get(name, {}).get("failed") for name in ("server", "send")):
        return "Not asked, since what it needs has failed."
    return ""


def _with_what_was_found(params: Params, name: str, product: Params) -> Params:
    """The options, and for what they leave open the product's."""
    options = params[name]
    found = {
        "java_home": (product.get("java") or {}).get("home"),
        "home": product.get("home"),
    }
    if not options["truststore"]:
        found["truststore"] = in_force(params, product, afterwards=True)
        found["behind"] = params["product"]["behind"]
    return {**options, **{key: options[key] or value for key, value in found.items() if key in options}}


def anchors(params: Params, options: Params, planned: bytes | None) -> Anchors | None:
    """What vouches for a mailbox's server where that is not on disk yet."""
    truststore = params["truststore"]
    if planned is None or not truststore:
        return None
    where = "the truststore as it would be"
    return read_anchors(planned, options["truststore_password"] or None, truststore["path"], where)
