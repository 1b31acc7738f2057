# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test message sent as Bitbucket would send it, and followed into the mailbox."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._inputs import check_address, check_host, check_sha256
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.options import (
    account_of,
    open_mailbox,
)
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Settings
from ansible_collections.stashops.mail.plugins.module_utils._smtp.greylist import GreylistRetry
from ansible_collections.stashops.mail.plugins.module_utils._smtp.options import settings_of
from ansible_collections.stashops.mail.plugins.module_utils._smtp.recipients import check_recipients
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import Anchors

if t.TYPE_CHECKING:
    from ansible_collections.stashops.mail.plugins.module_utils._mailbox.base import Account


def run(host: Host, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do what the parameters of stash_mail_send ask for; returns its result.

    :raises StashMailError: where the message was not delivered, with the whole result among its details.
    """
    return ask(params) if host.check_mode else _send(host, params, _checked(params))


def ask(params: t.Mapping[str, t.Any], planned: Anchors | None = None) -> dict[str, t.Any]:
    """What would be done, without a message: the mailbox is opened, and left as it is.

    ``planned`` takes the place of what is in the truststore now. Raises :class:`StashMailError`.
    """
    asked = _checked(params, planned)
    if asked.account is not None:
        open_mailbox(asked.account, Deadline(params["deadline"])).close()
    settings = asked.settings
    where = f"{settings.host}:{settings.port} ({settings.security})"
    return {"changed": True, "msg": f"A message to {', '.join(asked.recipients)} would be sent through {where}."}


class _Asked(t.NamedTuple):
    settings: Settings
    recipients: t.Sequence[str]
    account: Account | None
    known: t.Sequence[str]


def _checked(params: t.Mapping[str, t.Any], planned: Anchors | None = None) -> _Asked:
    check_address(params["sender"], "sender")
    recipients = check_recipients(params["recipient"])
    settings = settings_of({**params, "recipient": ""})
    settings = settings._replace(jvm_arguments=params["jvm_arguments"], planned=planned)
    if params["hello"]:
        # Of an address literal, what is in its brackets.
        check_host(params["hello"].strip("[]"), "hello")
    known = [check_sha256(text, f"trusted_chain[{index}]") for index, text in enumerate(params["trusted_chain"])]
    account = account_of(params, lambda: settings.anchors().certificates)
    return _Asked(settings, recipients, account, known)


def _send(host: Host, params: t.Mapping[str, t.Any], asked: _Asked) -> dict[str, t.Any]:
    # Whoever only asks does not need these.
    from ansible_collections.stashops.mail.plugins.module_utils._smtp.known_chain import KnownChain
    from ansible_collections.stashops.mail.plugins.module_utils._smtp.send import Sending, SendOptions

    settings, known, hello = asked.settings, asked.known, params["hello"]
    options = SendOptions(dsn=params["dsn"], allow_partial=params["partial_refusal"] == "warn")
    retry = GreylistRetry(params["greylist_wait"])
    # One for all tries, so that a JVM that has to be started is started once.
    with KnownChain(settings.judge(), known, hello) if known or hello else settings.judge() as judge:
        while True:
            sending = Sending(settings, asked.account, Deadline(params["deadline"]), asked.recipients, options, judge)
            failure = sending.attempt()
            if not retry.again(failure, sending.last_step):
                break
    for warning in [*sending.warnings, *retry.warnings(failure)]:
        host.warn(warning)
    result = {**sending.result, "deferrals": retry.deferrals}
    if failure is None:
        return {"changed": True, **result}
    raise StashMailError(str(failure), **{"changed": sending.handed_over, **failure.details, **result})
