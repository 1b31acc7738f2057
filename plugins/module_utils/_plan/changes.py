# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan has found to differ, changed in one call: the JVM is never pointed at a file that is not there.

What makes a change is imported where that is asked for: a call compiles what it imports, for nothing of it is kept.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host, unexpected
from ansible_collections.stashops.mail.plugins.module_utils._plan.asking import Answer, failed, raising

Params = t.Mapping[str, t.Any]


def run(host: Host, params: Params) -> Answer:
    """The result of stash_mail_apply.

    :raises StashMailError: where a change fails, for whatever reason, with what was done before it among its details.
    """
    changes = _Changes(host, params)
    done: dict[str, Answer] = {}
    with raising(host):
        for name in ("truststore", "properties", "jvm", "server", "send"):
            if not params[name]:
                continue
            try:
                done[name] = getattr(changes, name)(params[name])
            except StashMailError as error:
                raise _failure(host, done, name, error) from None
            except Exception as error:
                raise _failure(host, done, name, StashMailError(unexpected(error), code="unexpected")) from None
    return _result(done)


def _failure(host: Host, done: dict[str, Answer], name: str, error: StashMailError) -> StashMailError:
    text = str(error)
    changed = [before for before, answer in done.items() if answer["changed"]]
    done[name] = failed(error)
    # Ansible neither counts nor shows what a task that failed has changed.
    if changed and not host.check_mode:
        text += f" Before that this was changed, and stays so: {', '.join(changed)}."
    code = {"code": error.details["code"]} if "code" in error.details else {}
    return StashMailError(text, **_result(done), **code)


def _result(done: dict[str, Answer]) -> Answer:
    differences: list[t.Any] = []
    for answer in done.values():
        found = answer.pop("diff", [])
        differences += found if isinstance(found, list) else [found]
    # A message proves what was done, and is no part of it.
    changed = any(answer["changed"] for name, answer in done.items() if name != "send")
    return {"changed": changed, **({"diff": differences} if differences else {}), **done}


class _Changes:
    """One method for each change, which takes its options and returns its result."""

    def __init__(self, host: Host, params: Params) -> None:
        self._host, self._params = host, params
        self._planned: bytes | None = None

    def truststore(self, options: Params) -> Answer:
        from ansible_collections.stashops.mail.plugins.module_utils._truststore import build
        from ansible_collections.stashops.mail.plugins.module_utils._verdict import loading

        result, self._planned = build.build(self._host, options, _fetch_chain, loading.load_by_product)
        return result

    def properties(self, options: Params) -> Answer:
        from ansible_collections.stashops.mail.plugins.module_utils._product import properties_file

        return properties_file.run(self._host, options)

    def jvm(self, options: Params) -> Answer:
        from ansible_collections.stashops.mail.plugins.module_utils._product import arguments

        return arguments.run(self._host, options)

    def server(self, options: Params) -> Answer:
        from ansible_collections.stashops.mail.plugins.module_utils._bitbucket import mail_server

        return mail_server.run(self._host, options)

    def send(self, options: Params) -> Answer:
        from ansible_collections.stashops.mail.plugins.module_utils._smtp import delivery

        if not self._host.check_mode:
            return delivery.run(self._host, options)
        return delivery.ask(options, self._anchors(options))

    def _anchors(self, options: Params) -> t.Any:
        """What vouches for the mailbox's server in a check, where that is not on disk yet."""
        truststore = self._params["truststore"]
        if not truststore or options["truststore"] != truststore["path"]:
            return None
        from ansible_collections.stashops.mail.plugins.module_utils._plan import mailbox

        return mailbox.anchors(self._params, options, self._planned)


def _fetch_chain(host: str, port: int, security: str, seconds: float) -> t.Any:
    from ansible_collections.stashops.mail.plugins.module_utils._smtp import tls

    return tls.fetch_chain(host, port, security, seconds)
