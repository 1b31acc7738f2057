# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet to report on, and the role's report templates rendered as Ansible's template module renders them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from ansible.module_utils import _internal
from ansible.plugins.filter.core import FilterModule as CoreFilters
from ansible_collections.stashops.mail.plugins.filter.check_certificates import check_certificates
from ansible_collections.stashops.mail.plugins.filter.checks import checks
from ansible_collections.stashops.mail.plugins.filter.report import report
from ansible_collections.stashops.mail.plugins.filter.report_page import (
    csp_hash,
    escaped,
    problems,
    timeline,
    unix_time,
)
from jinja2 import Environment, FileSystemLoader, StrictUndefined

# Importing the filters makes this process a controller, where modules show their warnings in place of returning them.
# Other tests run modules in it.
_internal.is_controller = False

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = ROOT / "roles" / "stash_mail" / "templates" / "report"
NOW = "2030-01-31T09:30:00Z"

Results = dict[str, dict[str, Any]]
WANTED: dict[str, Any] = {
    "state": "present",
    "truststore": True,
    "truststore_path": "/etc/stash_mail/cacerts",
    "truststore_there": "/var/stash_mail/cacerts",
    "security": "starttls_required",
    "auth_type": "basic",
    "update_password": "on_change",
    "writer": "bitbucket",
    "is_writer": True,
    "account": True,
    "message": True,
    "recipient": "ops@example.com",
}
SETTINGS = {
    "host": "mail.example.com",
    "port": 587,
    "security": "starttls_required",
    "username": "bitbucket",
    "sender": "bitbucket@example.com",
    "auth_type": "BASIC",
}
ARGUMENT = "-Djavax.net.ssl.trustStore=/etc/stash_mail/cacerts"
PROCESS = {"pid": 4711, "user": "atlbitbucket", "started": "2030-01-20T06:00:00Z", "arguments": [ARGUMENT]}


def later(days: float) -> str:
    """So many days after :data:`NOW`."""
    when = datetime.datetime.fromisoformat(NOW) + datetime.timedelta(days=days)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def certificate(name: str, start: float, end: float, digit: str = "a", issuer: str = "Example CA") -> dict[str, Any]:
    """A certificate as the modules describe it, with its dates in days from now."""
    return {
        "common_name": name,
        "subject": f"CN={name},O=Example",
        "issuer": f"CN={issuer},O=Example",
        "sha256": digit * 64,
        "not_before": later(start),
        "not_after": later(end),
    }


CA = certificate("Example CA", -900, 2800, "c")
LEAF = certificate("mail.example.com", -60, 300, "1")


def good(leaf: Mapping[str, Any] = LEAF, ca: Mapping[str, Any] = CA, version: str = "9.4.2") -> Results:
    """What the modules answer where all is well."""
    anchor = {"alias": "stash_mail:example-ca-cccccccc", **{key: ca[key] for key in ("sha256", "subject", "not_after")}}
    return {
        "reachable": {
            "install_dir": f"/opt/atlassian/bitbucket/{version}",
            "product": "bitbucket",
            "version": version,
            "java": {"version": "17.0.13", "home": "/opt/java"},
            "process": PROCESS,
            "service": {"exists": True},
        },
        "settings": {
            "changed": False,
            "mail_server": {"before": SETTINGS, "after": SETTINGS},
            "password_changed": False,
        },
        "truststore": {
            "changed": False,
            "path": "/etc/stash_mail/cacerts",
            "sha256": "e" * 64,
            "entries": 146,
            "added": [],
            "removed": [],
            "anchors": [anchor],
            "base": {"path": "/opt/java/lib/security/cacerts", "entries": 145},
        },
        "jvm": {
            "changed": False,
            "path": "/etc/systemd/system/atlbitbucket.service.d/stash_mail.conf",
            "method": "systemd",
            "arguments": [ARGUMENT],
            "restart_needed": False,
            "process": PROCESS,
        },
        "delivery": {
            "outcome": "deliver",
            "delivers": True,
            "cause": "the server took everything",
            "meaning": "Bitbucket can send mail, encrypted.",
            "remedy": "Nothing.",
            "banner": "mail.example.com ESMTP",
            "tls": {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"},
            "jvm": {"trusted": True, "reason": "Example CA is in the truststore"},
            "chain": [dict(leaf)],
        },
        "message": {"outcome": "delivered", "message_id": "<1@example.com>", "seconds": 0.42},
    }


def facts(results: Results, *, cluster: str = "", warn_days: int = 30, **wanted: Any) -> dict[str, Any]:
    """The facts that the role's entry point ``check`` leaves of a host."""
    certificates = check_certificates(results, NOW, warn_days)
    return {
        "stash_mail_checks": checks(results, {**WANTED, **wanted}, certificates, ["s3cret"]),
        "stash_mail_check_certificates": certificates,
        "stash_mail_check_instance": {
            "cluster": cluster,
            "mail_server": "mail.example.com:587 (starttls_required)",
            "checked": NOW,
        },
    }


def document(hosts: Mapping[str, Mapping[str, Any]], **options: Any) -> dict[str, Any]:
    """The report on ``hosts``, facts by host name."""
    return report(list(hosts), hosts, NOW, options.pop("warn_days", 30), **options)


def render(template: str, shown: Mapping[str, Any]) -> str:
    """A template of the role with a document, by the settings that Ansible's template module has."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - as Ansible has it: the templates escape by themselves
    )
    ours: dict[str, Callable[..., Any]] = {
        "csp_hash": csp_hash,
        "escaped": escaped,
        "problems": problems,
        "timeline": timeline,
        "unix_time": unix_time,
    }
    environment.filters.update({f"stashops.mail.{name}": function for name, function in ours.items()})
    environment.filters["to_nice_json"] = cast(Any, CoreFilters)().filters()["to_nice_json"]
    return environment.get_template(template).render(__stash_mail_report=shown)


def fleet() -> dict[str, dict[str, Any]]:
    """Hosts of every kind, for a look at the page."""
    wrong_password = good()
    wrong_password["delivery"] = {
        "outcome": "auth_failed",
        "delivers": False,
        "code": "auth_failed",
        "cause": "the server refused the user name or password",
        "meaning": "Bitbucket cannot send any mail with these settings.",
        "remedy": "Check both. Only one attempt was made, so that no account gets locked.",
        "msg": "mail.example.com:587 refused user 'bitbucket' (535 5.7.8). Bitbucket cannot send any mail with these "
        "settings. Check both. Only one attempt was made, so that no account gets locked.",
        "log": "javax.mail.AuthenticationFailedException",
        "jvm": {"trusted": True, "reason": "Example CA is in the truststore"},
        "chain": [LEAF],
    }
    older = good()
    older["jvm"] = {**older["jvm"], "restart_needed": True, "process": {**PROCESS, "arguments": []}}
    older["truststore"] = {**older["truststore"]}
    renewed = good(certificate("smtp.example.net", -2, 88, "7", issuer="New CA"))
    renewed["delivery"] = {
        **renewed["delivery"],
        "outcome": "tls_untrusted",
        "delivers": False,
        "cause": "the product's JVM does not trust the server's certificate",
        "msg": "The JVM finds no path from smtp.example.net to an anchor in /etc/stash_mail/cacerts. "
        "Bitbucket cannot send any mail with these settings.",
        "remedy": "Put the certificate (better: its CA's) into the truststore.",
        "jvm": {"trusted": False, "reason": "no path to an anchor"},
    }
    drifted = good()
    drifted["settings"] = {
        "changed": True,
        "mail_server": {"before": {**SETTINGS, "port": 25}, "after": SETTINGS},
        "password_changed": False,
    }
    return {
        "bitbucket-a1.example.com": facts(good(), cluster="git-main"),
        "bitbucket-a2.example.com": facts(good(), cluster="git-main"),
        "bitbucket-a3.example.com": facts(older, cluster="git-main"),
        "bitbucket-eu.example.com": facts(good(certificate("mail-eu.example.com", -70, 19, "2"))),
        "bitbucket-lab.example.com": facts(good(version="10.0.1"), message=False),
        "bitbucket-us.example.com": facts(renewed),
        "code.example.com": facts(wrong_password),
        "git.example.org": facts(drifted),
        "stash-old.example.com": facts(good(certificate("Old relay", -700, -3, "4"), version="7.21.0")),
        "bitbucket-dr.example.com": facts(
            {"reachable": {"unreachable": True, "msg": "Failed to connect to the host via ssh: No route to host"}}
        ),
    }
