# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of stash_mail_truststore, as Ansible's ``argument_spec``, apart from what builds it."""

from __future__ import annotations

import typing as t

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "path": {"type": "path", "required": True},
    "base": {"type": "str", "default": "auto"},
    "base_password": {"type": "str", "default": "changeit", "no_log": True},
    "java_home": {"type": "path"},
    "install_dir": {"type": "path"},
    "service": {"type": "str", "default": "atlbitbucket"},
    "behind": {"type": "list", "elements": "str", "default": []},
    "certificates": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "pem": {"type": "str", "no_log": True},
            "path": {"type": "path"},
            "alias": {"type": "str"},
        },
        "mutually_exclusive": [("pem", "path")],
        "required_one_of": [("pem", "path")],
    },
    "fetch": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "default": 25},
            "security": {
                "type": "str",
                "choices": ["starttls_optional", "starttls_required", "smtps"],
                "default": "starttls_required",
            },
            "sha256": {"type": "list", "elements": "str", "default": []},
            "report_only": {"type": "bool", "default": False},
        },
    },
    "exclude": {"type": "list", "elements": "str", "default": []},
    "format": {"type": "str", "choices": ["jks", "pkcs12"], "default": "jks"},
    "password": {"type": "str", "default": "changeit", "no_log": True},
    "loaded_sha256": {"type": "str"},
    "warn_days": {"type": "int", "default": 30},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "backup": {"type": "bool", "default": False},
    "deadline": {"type": "float", "default": 30},
}
