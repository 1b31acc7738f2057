# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that talk to a mail server as Bitbucket does, documented in ``connection``."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._inputs import (
    MAX_DEADLINE,
    SECURITY_MODES,
    check_connection,
    check_password,
    check_seconds,
)
from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Settings
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import load_pem

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 25},
    "security": {"type": "str", "choices": list(SECURITY_MODES), "default": "starttls_required"},
    "username": {"type": "str"},
    # Raw, since a list would be taken as its text otherwise.
    "password": {"type": "raw", "no_log": True},
    "truststore": {"type": "path"},
    "truststore_password": {"type": "str", "no_log": True},
    "java_home": {"type": "path"},
    "behind": {"type": "list", "elements": "str", "default": []},
    "account": {"type": "str"},
    "extra_anchors": {"type": "list", "elements": "str", "default": []},
    "check_identity": {"type": "bool", "default": True},
    "deadline": {"type": "float", "default": 30},
    "greylist_wait": {"type": "float", "default": 0},
}


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
