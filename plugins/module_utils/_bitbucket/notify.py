# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A message that Bitbucket itself is made to send, and seen to arrive."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.mail_log import MailLog, log_path
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.options import client_of
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.signals import Interrupted
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._inputs import MAX_DEADLINE, check_address, check_seconds
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.options import account_of
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import Anchors, load_anchors

if t.TYPE_CHECKING:
    from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.notification import Notification


_ADVICE = (
    "it is to vouch for the mailbox's server. Give another one, or imap.ca or pop3.ca (stash_mail_imap.ca, "
    "stash_mail_pop3.ca)."
)


def prepare(host: Host, params: t.Mapping[str, t.Any], planned: Anchors | None = None) -> Notification:
    """Return what is to be run; raise :class:`StashMailError` where an option is wrong.

    ``planned`` takes the place of what is in the truststore now.
    """
    from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.notification import Notification
    from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.users import UserAdmin

    check_address(params["recipient"], "recipient")
    check_seconds(params["deadline"], "deadline", MAX_DEADLINE)
    client = client_of(params, UserAdmin)
    account = account_of(params, lambda: _trusted(params, planned))
    return Notification(client, params["recipient"], _log(host, params), account, Deadline(params["deadline"]))


def _trusted(params: t.Mapping[str, t.Any], planned: Anchors | None) -> t.Sequence[bytes]:
    if planned is not None:
        return planned.certificates
    path, behind = params["truststore"], params["behind"]
    if not path:
        return ()
    is_there = bool(behind) or os.path.isfile(path)
    anchors = load_anchors(path, params["truststore_password"] or None, None, behind) if is_there else None
    # What the JVM would go back to is not what was named.
    if anchors is None or anchors.source != path:
        where = f" behind {' '.join(behind)}" if behind else ""
        raise StashMailError(f"truststore {path} is not there{where}: {_ADVICE}")
    if anchors.failure or not anchors.certificates:
        raise StashMailError(f"truststore {path} is of no use ({anchors.failure or 'it is empty'}): {_ADVICE}")
    return anchors.certificates


def _log(host: Host, params: t.Mapping[str, t.Any]) -> MailLog | None:
    path = log_path(params["home"], params["log_path"])
    if path is None:
        return None
    try:
        return MailLog(path)
    except OSError as error:
        text = f"The mail log {path} cannot be read: {error.strerror}."
        if not params["imap"] and not params["pop3"]:
            raise StashMailError(
                f"{text} Correct home (stash_mail_bitbucket_home) or log_path, or give imap (stash_mail_imap) or pop3 "
                "(stash_mail_pop3).",
                code="blind",
            ) from None
        host.warn(f"{text} Only the mailbox will tell.")
        return None


def run(host: Host, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do what the parameters of stash_mail_notification ask for; returns its result.

    :raises StashMailError: where Bitbucket's message did not arrive, with the whole result among its details.
    """
    return ask(host, params) if host.check_mode else _send(host, prepare(host, params))


def ask(host: Host, params: t.Mapping[str, t.Any], planned: Anchors | None = None) -> dict[str, t.Any]:
    """What would be done, without a change: Bitbucket is asked for its account, and the mailbox is opened.

    Raises :class:`StashMailError`; ``planned`` is as for :func:`prepare`.
    """
    notification = prepare(host, params, planned)
    try:
        notification.check()
    finally:
        notification.close()
        for warning in notification.warnings:
            host.warn(warning)
    return {"changed": True, "msg": f"Bitbucket would be made to send a message to {params['recipient']}."}


def _send(host: Host, notification: Notification) -> dict[str, t.Any]:
    failure: StashMailError | None = None
    try:
        notification.run()
    except StashMailError as error:
        failure = error
    except Interrupted as error:
        failure = StashMailError(f"{error}, and the user was deleted", code="interrupted")
    finally:
        notification.close()
    for warning in notification.warnings:
        host.warn(warning)
    if failure is not None:
        raise StashMailError(
            str(failure), **{"changed": notification.created, **notification.result, **failure.details}
        )
    return {"changed": True, **notification.result}
