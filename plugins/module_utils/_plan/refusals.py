# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why not to go on, though every question was answered: what the answers mean together.

The texts name the options, followed by the variables of the role, which is how most people meet them.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._product.argument_specs import METHODS_OF_CONTAINERS

Answers = t.Mapping[str, t.Mapping[str, t.Any]]
Params = t.Mapping[str, t.Any]

NOT_FOUND = (
    "No Stash or Bitbucket was found on this host, and its JVM has to be pointed at a truststore. Set "
    "product.install_dir (stash_mail_bitbucket_install_dir) to its folder, or product.service "
    "(stash_mail_bitbucket_service) to the service that runs it."
)


def find(answers: Answers, params: Params, found: bool) -> list[str]:
    """All reasons, each as a text."""
    return [text for text in (_not_found(params, found), *_by_answers(answers, params, found)) if text]


def is_found(product: t.Mapping[str, t.Any], jvm: Params | None) -> bool:
    """Whether there is a product whose arguments can be set; one in a container need not be seen."""
    if jvm and (jvm["method"] in METHODS_OF_CONTAINERS or (jvm["method"] == "auto" and _is_container(jvm))):
        return True
    # What could not be looked for is not missing.
    return bool(product.get("failed") or product["install_dir"] or product["service"]["exists"])


def _is_container(jvm: Params) -> bool:
    return bool(jvm["environment_file"] or jvm["compose_override"])


def restart_method(product: t.Mapping[str, t.Any], wanted: str) -> str:
    """How to restart: ``service``, ``scripts`` or ``none``."""
    if wanted != "auto":
        return wanted
    return "scripts" if (product.get("service") or {}).get("manager", "none") == "none" else "service"


def _not_found(params: Params, found: bool) -> str:
    jvm = params["jvm"]
    return NOT_FOUND if jvm and jvm["state"] == "present" and not found else ""


def _by_answers(answers: Answers, params: Params, found: bool) -> t.Iterator[str]:
    product = answers["product"]
    if found and not product.get("failed"):
        yield _cannot_restart(product, params)
    yield _loses_truststore(answers, params)
    yield _gives_password_away(answers, params)


def _cannot_restart(product: t.Mapping[str, t.Any], params: Params) -> str:
    jvm = params["jvm"]
    if not params["properties"] and not (jvm and jvm["state"] == "present"):
        return ""
    method, service = restart_method(product, params["restart"]), product["service"]
    if method == "service" and service["manager"] == "none":
        lacks, other = f"this machine runs no service {service['name']}", "scripts"
    elif method == "scripts" and product["scripts"] is None:
        lacks, other = f"there are no start and stop scripts in the installation of {service['name']}", "service"
    elif method == "scripts" and product["scripts"]["refused"]:
        return (
            f"The product cannot be restarted by scripts: {product['scripts']['refused']}. Start it as its own "
            "account, have the whole installation be root's and writable by root alone, or set restart "
            "(stash_mail_restart) to service, or to none to restart it yourself."
        )
    else:
        return ""
    return (
        f"The product cannot be restarted by {method}: {lacks}. Set restart (stash_mail_restart) to {other}, or to "
        "none to restart it yourself."
    )


def _loses_truststore(answers: Answers, params: Params) -> str:
    foreign = answers.get("jvm", {}).get("foreign_truststore")
    if not foreign or (params["jvm"] or params["kubernetes"])["state"] != "present":
        return ""
    if not params["truststore"] or params["truststore"]["base"] != "auto":
        return ""
    own = (answers["product"].get("java") or {}).get("cacerts") or "the cacerts of the Java"
    return (
        f"The JVM uses the truststore {foreign}, which this collection has not made, and the product would lose the "
        f"certificates in it. Set truststore.base (stash_mail_truststore_base) to that path to build on it, or to "
        f"{own} to do without it."
    )


def _gives_password_away(answers: Answers, params: Params) -> str:
    """The product would, with its very next message; a test message would not, and fail once the settings are there."""
    probe = params["probe"]
    if not probe or probe["security"] != "starttls_optional" or not probe["username"]:
        return ""
    if answers["probe"].get("outcome") != "deliver_plaintext":
        return ""
    return (
        f"{probe['host']}:{probe['port']} does not offer STARTTLS, or someone on the way strips it, but asks for a "
        "password: with starttls_optional the product would send it unencrypted. Nothing has changed. Find out why "
        "STARTTLS is not offered and set probe.security (stash_mail_security) to starttls_required; or to plain, "
        "if the password may be read on the way."
    )
