# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that talk to a mail server, as Ansible's ``argument_spec``, apart from what answers."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._inputs import SECURITY_MODES
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.argument_specs import MAILBOX, MUTUALLY_EXCLUSIVE

# Of all that talk to it as Bitbucket does, documented in ``connection``.
CONNECTION: dict[str, dict[str, t.Any]] = {
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
PROBE: dict[str, dict[str, t.Any]] = {
    **CONNECTION,
    "auth_type": {"type": "str", "choices": ["basic", "oauth2"], "default": "basic"},
    "sender": {"type": "str"},
    "recipient": {"type": "str"},
    "method": {"type": "str", "choices": ["auto", "jvm", "openssl"], "default": "auto"},
    "jvm_arguments": {"type": "list", "elements": "str", "default": []},
    "all_modes": {"type": "bool", "default": False},
}
PROBE_RULES: dict[str, t.Any] = {"required_by": {"recipient": "sender"}}
SEND: dict[str, dict[str, t.Any]] = {
    **CONNECTION,
    **MAILBOX,
    "sender": {"type": "str", "required": True},
    "recipient": {"type": "list", "elements": "str", "required": True},
    "partial_refusal": {"type": "str", "choices": ["fail", "warn"], "default": "fail"},
    "trusted_chain": {"type": "list", "elements": "str", "default": []},
    "hello": {"type": "str", "default": ""},
    "jvm_arguments": {"type": "list", "elements": "str", "default": []},
    "dsn": {"type": "list", "elements": "str", "choices": ["success", "failure", "delay"], "default": []},
}
SEND_RULES: dict[str, t.Any] = {"mutually_exclusive": MUTUALLY_EXCLUSIVE}
