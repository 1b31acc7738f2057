# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the role's variables, before any host is asked."""

from __future__ import annotations

import importlib.util
import os.path
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.rest import check_url
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._inputs import MAX_DEADLINE, check_seconds
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.options import account_of
from ansible_collections.stashops.mail.plugins.plugin_utils._paths import relative
from ansible_collections.stashops.mail.plugins.plugin_utils._task_files import task_files

DOCUMENTATION = r"""
name: input_problems
short_description: What is wrong with the variables of the role stash_mail
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the variables, and says what no host has to be asked for, and no argument spec can tell.
options:
  _input:
    description: The values of the role's variables, by their names without C(stash_mail_).
    type: dict
    required: true
  nodes:
    description: The nodes of the instance, where they would be provisioned as one of its own.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
problems: "{{ {'port': 70000} | stashops.mail.input_problems }}"
"""

RETURN = r"""
_value:
  description: A text for each problem, which says what to do.
  type: list
  elements: str
"""

Values = t.Mapping[str, t.Any]
_MAILBOX = ("host", "username", "password")


def input_problems(values: Values, nodes: t.Sequence[str] = ()) -> list[str]:
    """Return a text for each problem."""
    if values["unknown"]:
        # What else is wrong may come of it.
        return [values["unknown"]]
    found = (
        _cluster(nodes, values["cluster"]),
        _region(values),
        _missing(values),
        _account(values),
        _oauth2(values),
        _administrator(values),
        _url(values, "bitbucket_url"),
        _url(values, "bitbucket_node_url"),
        _port(values),
        _mailbox(values),
        _notification(values),
        task_files("pre_restart_tasks", "post_restart_tasks", values),
        _environment_file(values),
        *_relative(values),
        *_kubernetes(values),
        _restart(values),
    )
    return [text for text in found if text]


def _cluster(nodes: t.Sequence[str], cluster: str) -> str:
    if len(nodes) < 2:
        return ""
    return (
        f"{', '.join(nodes)} are nodes of the cluster {cluster}, and this play would restart them before it knows of "
        "all that "
        "they can use the settings. Run the playbook stashops.mail.provision, or the role's entry points prepare, "
        "node and "
        "cluster as its plays do."
    )


def _region(values: Values) -> str:
    if values["state"] != "present" or "<region>" not in values["host"]:
        return ""
    return (
        f"stash_mail_preset_region must be set with stash_mail_preset {values['preset']}, whose host is "
        f"{values['host']}. "
        "Or set stash_mail_host."
    )


def _missing(values: Values) -> str:
    names = [f"stash_mail_{name}" for name in ("host", "sender", "recipient") if not values[name]]
    if values["state"] != "present" or not names:
        return ""
    return (
        f"{', '.join(names)} must be set: the mail server's host name, the address that the product sends from, and "
        "the "
        "address that the test message goes to."
    )


def _account(values: Values) -> str:
    if values["auth_type"] != "basic" or bool(values["username"]) == bool(values["password"]):
        return ""
    given, empty = ("username", "password") if values["username"] else ("password", "username")
    return (
        f"stash_mail_{empty} is empty while stash_mail_{given} is set: give both to authenticate, or neither for "
        "anonymous mail."
    )


def _oauth2(values: Values) -> str:
    if values["auth_type"] != "oauth2" or values["state"] != "present":
        return ""
    if values["oauth2_provider_id"] and values["oauth2_token_id"] and not values["password"]:
        return ""
    return (
        "With stash_mail_auth_type oauth2 the product logs in by a token: set stash_mail_oauth2_provider_id and "
        "stash_mail_oauth2_token_id to the ids of a provider and a token that Bitbucket has, and leave "
        "stash_mail_password empty."
    )


def _administrator(values: Values) -> str:
    account = [values["bitbucket_admin_user"], values["bitbucket_admin_password"]]
    if values["bitbucket_admin_token"] and any(account):
        return (
            "stash_mail_bitbucket_admin_token takes the place of stash_mail_bitbucket_admin_user and "
            "stash_mail_bitbucket_admin_password: leave these empty."
        )
    if values["bitbucket_admin_token"] or all(account):
        return ""
    return (
        "stash_mail_bitbucket_admin_user and stash_mail_bitbucket_admin_password must be set, to an account with the "
        "permission SYS_ADMIN. Or set stash_mail_bitbucket_admin_token, to an OAuth 2.0 access token of one."
    )


def _url(values: Values, name: str) -> str:
    try:
        check_url(str(values[name]), f"stash_mail_{name}")
    except StashMailError as error:
        return str(error)
    return ""


def _port(values: Values) -> str:
    if int(values["port"]) in range(1, 65536):
        return ""
    return f"stash_mail_port {values['port']} is out of range: a TCP port is 1 to 65535."


def _mailbox(values: Values) -> str:
    if values["imap"] and values["pop3"]:
        return (
            "stash_mail_imap and stash_mail_pop3 are both set, and a message is looked for by one of them only. Leave "
            "one "
            "of them empty."
        )
    name = "imap" if values["imap"] else "pop3"
    mailbox = values[name]
    if not mailbox:
        return ""
    if all(mailbox.get(key) for key in _MAILBOX):
        return _mailbox_options(name, mailbox)
    return (
        f"stash_mail_{name} lacks its host, username or password. Leave it empty to end the run when the mail server "
        "has "
        "taken the message over."
    )


def _mailbox_options(name: str, mailbox: Values) -> str:
    """What the modules that look into the mailbox would refuse once all is written; its ``ca`` is on the target."""
    password, port = mailbox["password"], mailbox.get("port")
    options = {
        "host": str(mailbox["host"]),
        "port": None if port is None else int(port),
        "security": mailbox.get("security") or "starttls",
        "username": str(mailbox["username"]),
        # Of a vaulted text, what is in it.
        "password": password if isinstance(password, (dict, list, bool, float)) else str(password),
        "mailbox": str(mailbox.get("mailbox") or ""),
        "ca": None,
    }
    try:
        account_of({"imap": None, "pop3": None, name: options}, lambda: ())
    except StashMailError as error:
        return f"stash_mail_{error}"
    return ""


def _notification(values: Values) -> str:
    if not values["verify_notification"]:
        return ""
    option = "verify_notification_deadline"
    try:
        check_seconds(float(values[option]), f"stash_mail_{option}", MAX_DEADLINE)
    except StashMailError as error:
        return str(error)
    return ""


def _environment_file(values: Values) -> str:
    paths = (values["jvm_environment_file"], values["jvm_compose_override"])
    if values["deployment"] == "kubernetes" or not values["is_container"] or any(os.path.isabs(path) for path in paths):
        return ""
    return (
        "stash_mail_jvm_environment_file must be the absolute path of the file on the target that the container gets "
        "its environment from, as its --env-file says; or stash_mail_jvm_compose_override that of a compose file to "
        "write beside those of its project."
    )


def _relative(values: Values) -> t.Iterator[str]:
    for name in ("jvm_compose_files", "kubernetes_values_files"):
        for path in values[name] or ():
            yield relative(f"stash_mail_{name}", str(path))


def _kubernetes(values: Values) -> t.Iterator[str]:
    if values["deployment"] != "kubernetes":
        return
    if not os.path.isabs(values["kubernetes_dir"]):
        yield (
            "stash_mail_kubernetes_dir must be an absolute path with stash_mail_deployment kubernetes: the folder that "
            "the truststore, the Secret and the values for Helm are written to."
        )
    if values["properties"]:
        yield (
            "stash_mail_properties go into a file in the product's home, which is in the pod where "
            "stash_mail_deployment is kubernetes: set them by the chart's values, and leave the variable out."
        )
    if (
        values["truststore_base"] == "auto"
        and values["truststore_wanted"]
        and not (values["bitbucket_behind"] or values["bitbucket_java_home"])
    ):
        yield (
            "stash_mail_truststore_base has to name a bundle where stash_mail_deployment is kubernetes and "
            "stash_mail_bitbucket_behind is empty: nothing leads to the Java in the pod, whose own bundle auto stands "
            "for. Or set stash_mail_bitbucket_behind to a command such as [kubectl, exec, -i, POD, --]."
        )
    if values["kubernetes_apply"] and not _has_collection("kubernetes.core"):
        yield (
            "stash_mail_kubernetes_apply needs the collection kubernetes.core, which is not installed on the "
            "controller. Install it (ansible-galaxy collection install kubernetes.core), or leave the variable out and "
            f"apply {values['kubernetes_dir']}/secret.yaml yourself."
        )


def _has_collection(name: str) -> bool:
    try:
        return importlib.util.find_spec(f"ansible_collections.{name}") is not None
    except ModuleNotFoundError:
        return False


def _restart(values: Values) -> str:
    if values["restart"] != "tasks" or values["pre_restart_tasks"]:
        return ""
    return (
        "The product cannot be restarted by tasks: stash_mail_pre_restart_tasks is empty. Set stash_mail_restart to "
        "service, or to none to restart it yourself."
    )


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"input_problems": input_problems}
