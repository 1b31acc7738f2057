# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of stash_mail_plan and stash_mail_apply: those of the single modules, in a dict for each of them."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import FILE_COMMON_ARGUMENTS
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.argument_specs import (
    MAIL_SERVER,
    NOTIFICATION,
    NOTIFICATION_RULES,
    STATUS,
)
from ansible_collections.stashops.mail.plugins.module_utils._product.argument_specs import (
    INFO,
    JVM,
    JVM_RULES,
    KUBERNETES,
    KUBERNETES_RULES,
    PROPERTIES,
)
from ansible_collections.stashops.mail.plugins.module_utils._smtp.argument_specs import (
    PROBE,
    PROBE_RULES,
    SEND,
    SEND_RULES,
)
from ansible_collections.stashops.mail.plugins.module_utils._truststore.argument_specs import (
    ARGUMENT_SPEC as TRUSTSTORE,
)

_CERTIFICATES = {name: value for name, value in TRUSTSTORE["certificates"].items() if name != "default"}
# In the order in which they are done.
CHANGES: dict[str, dict[str, t.Any]] = {
    "truststore": {"type": "dict", "options": {**FILE_COMMON_ARGUMENTS, **TRUSTSTORE}},
    "properties": {"type": "dict", "options": PROPERTIES},
    "jvm": {"type": "dict", "options": JVM, **JVM_RULES},
    "server": {"type": "dict", "options": MAIL_SERVER},
    "send": {"type": "dict", "options": SEND, **SEND_RULES},
}
CHANGES_RULES: dict[str, t.Any] = {"required_one_of": [tuple(CHANGES)]}
QUESTIONS: dict[str, dict[str, t.Any]] = {
    "product": {"type": "dict", "options": INFO, "apply_defaults": True},
    **CHANGES,
    "status": {"type": "dict", "options": STATUS},
    "kubernetes": {"type": "dict", "options": KUBERNETES, **KUBERNETES_RULES},
    "probe": {"type": "dict", "options": PROBE, **PROBE_RULES},
    "notification": {"type": "dict", "options": NOTIFICATION, **NOTIFICATION_RULES},
    "proof": {"type": "dict", "options": SEND, **SEND_RULES},
    "managed": {
        "type": "dict",
        "options": {
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
    "judged_by": {"type": "str", "choices": ["planned", "in_force"], "default": "planned"},
    "trials": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "base": {"type": "str", "default": "none"},
            "certificates": {**_CERTIFICATES, "required": True},
        },
    },
    "logins": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "username": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
        },
    },
    "restart": {"type": "str", "choices": ["auto", "service", "scripts", "none"], "default": "none"},
}
# The answer to each stands under jvm.
QUESTIONS_RULES: dict[str, t.Any] = {"mutually_exclusive": [("jvm", "kubernetes")]}
