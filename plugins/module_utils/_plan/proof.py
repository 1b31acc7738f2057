# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The message that proves a node on which nothing differs: sent at once, since a call of its own costs half a plan."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._plan import known
from ansible_collections.stashops.mail.plugins.module_utils._plan.asking import Answer, failed
from ansible_collections.stashops.mail.plugins.module_utils._plan.in_force import managed
from ansible_collections.stashops.mail.plugins.module_utils._plan.java import java_options

Params = t.Mapping[str, t.Any]


def is_due(result: Params) -> bool:
    """Whether all that was asked is as wanted, the running process has read it, and the mail server would take mail."""
    unread = [name for name in ("jvm", "properties") if result.get(name, {}).get("restart_needed")]
    # Where only the product could log in, it is the one to send.
    can_send = result["probe"].get("delivers") and result["probe"]["outcome"] not in ("auth_untested", "token_untested")
    return not result["planned"] and not unread and bool(can_send)


def send(host: Host, params: Params, result: Params) -> Answer:
    """Send it as the product would. That it did not get there is an answer, with ``failed``."""
    from ansible_collections.stashops.mail.plugins.module_utils._smtp import delivery

    is_wanted = params["truststore"]["state"] == "present"
    found = {
        "truststore": managed(params) if is_wanted else result["jvm_truststore"]["afterwards"],
        **java_options(params["probe"], result["product"]),
        **known.of_probe(result["probe"]),
    }
    options = {**params["proof"], **{name: value for name, value in found.items() if value}}
    try:
        return delivery.run(host, options)
    except StashMailError as error:
        return failed(error)
