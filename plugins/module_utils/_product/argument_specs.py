# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that are about the product on this host, as Ansible's ``argument_spec``.

They are apart from what answers, so that whoever asks for one of them alone loads no more than that.
"""

from __future__ import annotations

import typing as t

BEHIND: dict[str, dict[str, t.Any]] = {"behind": {"type": "list", "elements": "str", "default": []}}
INFO: dict[str, dict[str, t.Any]] = {
    "install_dir": {"type": "path"},
    "home": {"type": "path"},
    "java_home": {"type": "path"},
    "service": {"type": "str", "default": "atlbitbucket"},
    "elsewhere": {"type": "bool", "default": False},
    **BEHIND,
}
# By them a container is given its arguments when it is made.
METHODS_OF_CONTAINERS = ("environment", "compose")
JVM: dict[str, dict[str, t.Any]] = {
    "truststore": {"type": "path"},
    "truststore_type": {"type": "str", "choices": ["jks", "pkcs12"], "default": "jks"},
    "truststore_password": {"type": "str", "no_log": True},
    "method": {
        "type": "str",
        "choices": ["auto", "systemd", "start_webapp", "setenv", *METHODS_OF_CONTAINERS],
        "default": "auto",
    },
    "environment_file": {"type": "path"},
    "compose_override": {"type": "path"},
    "compose_files": {"type": "list", "elements": "path", "default": []},
    "compose_service": {"type": "str", "default": "bitbucket"},
    "install_dir": {"type": "path"},
    "service": {"type": "str", "default": "atlbitbucket"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "backup": {"type": "bool", "default": False},
    **BEHIND,
}
JVM_RULES: dict[str, t.Any] = {"required_if": [("state", "present", ["truststore"])]}
KUBERNETES: dict[str, dict[str, t.Any]] = {
    "truststore": {"type": "path"},
    "manifest": {"type": "path", "required": True},
    "values": {"type": "path", "required": True},
    "values_files": {"type": "list", "elements": "path"},
    "name": {"type": "str", "default": "stash-mail-truststore"},
    "namespace": {"type": "str", "default": ""},
    "mount_path": {"type": "str", "default": "/var/stash_mail"},
    "applied": {"type": "bool", "default": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **BEHIND,
}
KUBERNETES_RULES: dict[str, t.Any] = {"required_if": [("state", "present", ["truststore"])]}
PROPERTIES: dict[str, dict[str, t.Any]] = {
    "properties": {"type": "dict", "required": True},
    "path": {"type": "path"},
    "home": {"type": "path"},
    "install_dir": {"type": "path"},
    "service": {"type": "str", "default": "atlbitbucket"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "backup": {"type": "bool", "default": False},
}
