# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan has found to differ, changed in one call: the JVM is never pointed at a file that is not there.

What makes a change is imported where that is asked for: a call compiles what it imports, for nothing of it is kept.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host

Params = t.Mapping[str, t.Any]
Answer = t.Dict[str, t.Any]


def run(host: Host, params: Params) -> Answer:
    """The result of stash_mail_apply.

    :raises StashMailError: the first that a change raises, with what was done before it among its details.
    """
    done: dict[str, Answer] = {}
    for name, change in _CHANGES.items():
        if not params[name]:
            continue
        try:
            done[name] = change(host, params[name])
        except StashMailError as error:
            done[name] = {"changed": False, **error.details, "failed": True, "msg": str(error)}
            code = {"code": error.details["code"]} if "code" in error.details else {}
            raise StashMailError(str(error), **_result(done), **code) from None
    return _result(done)


def _result(done: dict[str, Answer]) -> Answer:
    differences: list[t.Any] = []
    for answer in done.values():
        found = answer.pop("diff", [])
        differences += found if isinstance(found, list) else [found]
    # A message proves what was done, and is no part of it.
    changed = any(answer["changed"] for name, answer in done.items() if name != "send")
    return {"changed": changed, **({"diff": differences} if differences else {}), **done}


def _truststore(host: Host, params: Params) -> Answer:
    from ansible_collections.stashops.mail.plugins.module_utils._truststore import build
    from ansible_collections.stashops.mail.plugins.module_utils._verdict import loading

    return build.run(host, params, _fetch_chain, loading.load_by_product)


def _fetch_chain(host: str, port: int, security: str, seconds: float) -> t.Any:
    from ansible_collections.stashops.mail.plugins.module_utils._smtp import tls

    return tls.fetch_chain(host, port, security, seconds)


def _properties(host: Host, params: Params) -> Answer:
    from ansible_collections.stashops.mail.plugins.module_utils._product import properties_file

    return properties_file.run(host, params)


def _jvm(host: Host, params: Params) -> Answer:
    from ansible_collections.stashops.mail.plugins.module_utils._product import arguments

    return arguments.run(host, params)


def _server(host: Host, params: Params) -> Answer:
    from ansible_collections.stashops.mail.plugins.module_utils._bitbucket import mail_server

    return mail_server.run(host, params)


def _send(host: Host, params: Params) -> Answer:
    from ansible_collections.stashops.mail.plugins.module_utils._smtp import delivery

    return delivery.run(host, params)


_CHANGES: dict[str, t.Callable[[Host, Params], Answer]] = {
    "truststore": _truststore,
    "properties": _properties,
    "jvm": _jvm,
    "server": _server,
    "send": _send,
}
