# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The single modules' options as suboptions of the one that asks all their questions, and of the one that changes.

They are taken from the modules' own documentation, so that each option is described once.
"""

from __future__ import annotations

import ast
import importlib
import pathlib
import re
import typing as t

import yaml

_COLLECTION = "stashops.mail"
_MODULES = pathlib.Path(__file__).resolve().parents[1] / "modules"
# Question: its module, and what is said of it here.
_QUESTIONS: dict[str, tuple[str, list[str]]] = {
    "product": (
        "stash_mail_info",
        ["Where the product is looked for. This question is always asked."],
    ),
    "server": ("stash_mail_server", ["The mail settings that the product is to have, to ask what would be written."]),
    "status": ("stash_mail_status", ["The node's own address, to ask whether it serves."]),
    "jvm": ("stash_mail_jvm", ["The JVM's arguments, to ask what would be changed and whether to restart."]),
    "kubernetes": (
        "stash_mail_kubernetes",
        [
            "The files for a product of the vendor's Helm chart, to ask what would be changed.",
            "Its answer is RV(jvm), so that it and O(jvm) are mutually exclusive.",
            "With O(truststore), it is about that as it would be.",
        ],
    ),
    "properties": (
        "stash_mail_properties",
        [
            "The product's properties, to ask what would be changed.",
            "Where neither O(properties.path) nor O(properties.home) is given, the home is the one of RV(product).",
        ],
    ),
    "truststore": (
        "stash_mail_truststore",
        ["The truststore, to ask what would be written. It is built in memory and goes nowhere."],
    ),
    "probe": (
        "stash_mail_probe",
        [
            "The mail server, to ask whether the product could send through it.",
            "Where O(probe.java_home) or O(probe.jvm_arguments) are left out, they are those of RV(product).",
            "Where O(probe.truststore) is left out, O(judged_by) says which truststore counts.",
        ],
    ),
    "send": (
        "stash_mail_send",
        [
            "The message that is to be sent in the end, to ask whether its mailbox lets us in. None is sent.",
            "What is left out of O(send.java_home) and O(send.truststore) is that of RV(product), or the truststore as "
            "it would be.",
        ],
    ),
    "notification": (
        "stash_mail_notification",
        [
            "The product's own message, to ask whether it could be made to send one, and whether that would be seen. "
            "None is sent.",
            "What is left out of O(notification.home) and O(notification.truststore) is that of RV(product), or the "
            "truststore as it would be.",
            "It is not asked where O(server) or O(send) has failed, so that no password is tried twice.",
        ],
    ),
    "proof": (
        "stash_mail_send",
        [
            "A test message, sent where nothing would be changed, the product need not be restarted, and the mail "
            "server would take mail. It is not sent in check mode.",
            "O(probe) and O(truststore) must be given too. What their answers tell, such as O(proof.truststore) and "
            "O(proof.trusted_chain), takes precedence.",
            "That it did not get there is an answer with C(failed), and no failure of the module.",
        ],
    ),
}
_CHANGES: dict[str, tuple[str, list[str]]] = {
    "truststore": ("stash_mail_truststore", ["The truststore, to build and write it."]),
    "properties": ("stash_mail_properties", ["The product's properties, to set them."]),
    "jvm": ("stash_mail_jvm", ["The JVM's arguments, to point it at the truststore."]),
    "server": ("stash_mail_server", ["The mail settings that the product is to have, to write them."]),
    "send": ("stash_mail_send", ["A test message, to send it."]),
}


def _documentation(module: str) -> dict[str, t.Any]:
    for node in ast.parse((_MODULES / f"{module}.py").read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION":
            return t.cast("dict[str, t.Any]", yaml.safe_load(ast.literal_eval(node.value)))
    raise ValueError(f"{module} has no DOCUMENTATION")


def _fragment(name: str) -> dict[str, t.Any]:
    parts = name.split(".")
    package = "ansible.plugins.doc_fragments"
    if name.startswith(f"{_COLLECTION}."):
        package = f"ansible_collections.{_COLLECTION}.plugins.doc_fragments"
    fragment = importlib.import_module(f"{package}.{parts[2]}").ModuleDocFragment
    text = getattr(fragment, parts[3].upper() if parts[3:] else "DOCUMENTATION")
    return t.cast("dict[str, t.Any]", yaml.safe_load(text))


def _options(module: str) -> dict[str, t.Any]:
    documentation = _documentation(module)
    options: dict[str, t.Any] = {}
    for name in documentation.get("extends_documentation_fragment", []):
        options.update(_fragment(name).get("options") or {})
    options.update(documentation["options"])
    return options


def _placed(value: t.Any, question: str, module: str) -> t.Any:
    """``value`` with its references to options turned into ones to suboptions, those to results into the module's."""
    if isinstance(value, dict):
        # The version would be one of ansible-core, for options that are its.
        return {name: _placed(item, question, module) for name, item in value.items() if name != "version_added"}
    if isinstance(value, list):
        return [_placed(item, question, module) for item in value]
    if isinstance(value, str):
        # Those to another plugin's options name it before a #.
        value = re.sub(r"\bO\((?![\w.]+#)(?=[a-z_]+[\[\].=)a-z_])", f"O({question}.", value)
        return re.sub(r"\bRV\((?=[a-z_])", f"RV({_COLLECTION}.{module}#module:", value)
    return value


def _by_name(asked: t.Mapping[str, tuple[str, list[str]]]) -> str:
    """The options as YAML, each with the suboptions of its module."""
    options = {
        name: {
            "description": [*description, f"The options are those of M({_COLLECTION}.{module})."],
            "type": "dict",
            "suboptions": _placed(_options(module), name, module),
        }
        for name, (module, description) in asked.items()
    }
    return yaml.safe_dump({"options": options}, sort_keys=False)


class ModuleDocFragment:
    """Documentation of what ``_plan.argument_specs`` takes from the single modules."""

    # With its type, since ansible-test takes a plain assignment for a text in YAML.
    DOCUMENTATION: str = _by_name(_QUESTIONS)
    CHANGES: str = _by_name(_CHANGES)
