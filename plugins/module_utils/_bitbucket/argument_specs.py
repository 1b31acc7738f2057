# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that call the product, as Ansible's ``argument_spec``, apart from what answers."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._inputs import SECURITY_MODES
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.argument_specs import MAILBOX, MUTUALLY_EXCLUSIVE

# Of those that call its REST API, documented in ``bitbucket``.
CONNECTION: dict[str, dict[str, t.Any]] = {
    "url": {"type": "str", "required": True},
    "url_username": {"type": "str", "default": ""},
    # Raw, since a list would be taken as its text otherwise.
    "url_password": {"type": "raw", "no_log": True},
    "url_token": {"type": "raw", "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "float", "default": 30},
    "use_proxy": {"type": "bool", "default": False},
}
MAIL_SERVER: dict[str, dict[str, t.Any]] = {
    **CONNECTION,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "host": {"type": "str"},
    "port": {"type": "int", "default": 25},
    "security": {"type": "str", "choices": list(SECURITY_MODES), "default": "starttls_required"},
    "auth_type": {"type": "str", "choices": ["basic", "oauth2"], "default": "basic"},
    "oauth2_provider_id": {"type": "str", "default": ""},
    "oauth2_token_id": {"type": "str", "default": "", "no_log": False},
    "username": {"type": "str", "default": ""},
    # Raw, since a list would be taken as its text otherwise.
    "password": {"type": "raw", "default": "", "no_log": True},
    "sender": {"type": "str"},
    "update_password": {
        "type": "str",
        "choices": ["on_change", "always", "on_create"],
        "default": "on_change",
        "no_log": False,
    },
    "password_state_path": {
        "type": "path",
        "default": "/var/lib/stash_mail/passwords.json",
        "no_log": False,
    },
    "overwrite_oauth2": {"type": "bool", "default": False},
}
STATUS: dict[str, dict[str, t.Any]] = {
    "url": {"type": "str", "required": True},
    "timeout": {"type": "float", "default": 30},
    "wait": {"type": "bool", "default": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "use_proxy": {"type": "bool", "default": False},
}
NOTIFICATION: dict[str, dict[str, t.Any]] = {
    **CONNECTION,
    **MAILBOX,
    "recipient": {"type": "str", "required": True},
    "home": {"type": "path"},
    "log_path": {"type": "path"},
    "truststore": {"type": "path"},
    "truststore_password": {"type": "str", "no_log": True},
    "behind": {"type": "list", "elements": "str", "default": []},
    "deadline": {"type": "float", "default": 120},
}
NOTIFICATION_RULES: dict[str, t.Any] = {"mutually_exclusive": MUTUALLY_EXCLUSIVE}
