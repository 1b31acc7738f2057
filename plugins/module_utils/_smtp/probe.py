# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would Bitbucket deliver through a mail server? The question as a whole, and its answer."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import OUTCOMES, MailFailure, describe_outcome
from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Conversation
from ansible_collections.stashops.mail.plugins.module_utils._smtp.greylist import GreylistRetry
from ansible_collections.stashops.mail.plugins.module_utils._smtp.modes import survey
from ansible_collections.stashops.mail.plugins.module_utils._smtp.options import settings_of
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import Anchors
from ansible_collections.stashops.mail.plugins.module_utils._verdict.judge import Judge
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import SharedJvm


class Probe(t.NamedTuple):
    """The last conversation, ended, and ``failure``, which ended it early; ``retry`` knows of those before."""

    conversation: Conversation
    failure: StashMailError | None
    deadline: Deadline
    retry: GreylistRetry


def run(host: Host, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The result of stash_mail_probe.

    :raises StashMailError: where Bitbucket could not send, with the whole result among its details.
    """
    return answer(host, params, ask(params))


def ask(
    params: t.Mapping[str, t.Any],
    planned: Anchors | None = None,
    judge: Judge | None = None,
    java: SharedJvm | None = None,
) -> Probe:
    """Have the conversation; raises :class:`StashMailError` only where it could not be begun.

    ``planned`` takes the place of what is in the truststore now. ``judge`` is that of an earlier conversation with the
    same server, so that its JVM need not be asked again; ``java`` a JVM that others ask, too.
    """
    settings = settings_of(params)._replace(
        auth_type=params["auth_type"],
        method=params["method"],
        jvm_arguments=params["jvm_arguments"],
        planned=planned,
    )
    retry = GreylistRetry(params["greylist_wait"])
    judge = judge or settings.judge(java)
    while True:
        deadline = Deadline(params["deadline"])
        conversation = Conversation(settings, deadline, judge)
        failure = conversation.attempt()
        if not retry.again(failure, conversation.last_step):
            return Probe(conversation, failure, deadline, retry)


def answer(host: Host, params: t.Mapping[str, t.Any], probe: Probe) -> dict[str, t.Any]:
    """What came of it, as the module's result; raises :class:`StashMailError` as :func:`run` does."""
    conversation, failure, deadline, retry = probe
    with conversation.judge:
        modes = survey(conversation, failure, deadline, params["all_modes"])
    for warning in [*conversation.warnings, *retry.warnings(failure)]:
        host.warn(warning)
    facts = {**conversation.facts, "deferrals": retry.deferrals, "modes": modes}
    if failure is None:
        code = conversation.outcome
        found = {"outcome": code, "delivers": OUTCOMES[code].delivers, **describe_outcome(code)}
        return {"changed": False, **found, **facts}
    code = failure.code if isinstance(failure, MailFailure) else "unknown"
    raise StashMailError(str(failure), **{"outcome": code, "delivers": False, "code": code, **failure.details, **facts})
