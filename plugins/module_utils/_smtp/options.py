# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings that the options of the modules describe which talk to a mail server as Bitbucket does."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._inputs import (
    MAX_DEADLINE,
    check_connection,
    check_password,
    check_seconds,
)
from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Settings
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import load_pem


def settings_of(params: t.Mapping[str, t.Any]) -> Settings:
    """Return the checked settings; raise ``StashMailError`` naming the option that is wrong."""
    check_connection(params)
    check_seconds(params["deadline"], "deadline", MAX_DEADLINE)
    check_seconds(params["greylist_wait"], "greylist_wait", MAX_DEADLINE, zero=True)
    extra_anchors: list[bytes] = []
    for index, pem in enumerate(params["extra_anchors"]):
        extra_anchors += load_pem(pem, f"extra_anchors[{index}]")
    return Settings(
        host=params["host"],
        port=params["port"],
        security=params["security"],
        username=params["username"] or "",
        password=check_password(params["password"], "password"),
        sender=params["sender"] or "",
        recipient=params["recipient"] or "",
        truststore=params["truststore"] or None,
        truststore_password=params["truststore_password"] or None,
        java_home=params["java_home"] or None,
        behind=params["behind"],
        account=params["account"] or None,
        extra_anchors=extra_anchors,
        check_identity=params["check_identity"],
    )
