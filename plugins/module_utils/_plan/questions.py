# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's plan: the questions of the single modules, asked in one go in their order, with nothing changed.

What answers a question is imported where that is asked: a call compiles what it imports, for nothing of it is kept.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._plan import in_force, proof, refusals
from ansible_collections.stashops.mail.plugins.module_utils._plan.asking import Answer, Asking, skipped
from ansible_collections.stashops.mail.plugins.module_utils._plan.java import product_setup
from ansible_collections.stashops.mail.plugins.module_utils._product import information
from ansible_collections.stashops.mail.plugins.module_utils._product.process import looked_at_once
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import SharedJvm

_MESSAGES = ("send", "notification")


def run(host: Host, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The result of stash_mail_plan.

    :raises StashMailError: where a question failed or the answers forbid to go on, with all answers as its details.
    """
    if (params["trials"] or params["logins"]) and not params["probe"]:
        raise StashMailError("trials and logins are about a mail server: give probe, which says where it is.")
    if params["proof"] and not (params["probe"] and params["truststore"]):
        raise StashMailError("proof is for what is as wanted: give probe and truststore, which say what that is.")
    with Asking(host) as asking, looked_at_once():
        result = _ask(asking, params)
    if params["proof"] and not host.check_mode and proof.is_due(result):
        result["message"] = proof.send(host, params, result)
    return result


def _ask(asking: Asking, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    host = asking.host
    # Whether the run is a check is one of the things that it tells.
    product = asking.ask("product", lambda _host: information.run(host, params["product"]))
    if params["server"]:
        asking.ask("server", lambda quiet: _server(quiet, params["server"], product))
    if params["status"]:
        asking.ask("status", lambda quiet: _status(quiet, params["status"]))
    found = refusals.is_found(product, params["jvm"])
    if (params["jvm"] or params["properties"]) and not params["kubernetes"]:
        product["found"] = found
    if params["jvm"]:
        asking.ask("jvm", lambda quiet: _jvm(quiet, params["jvm"], found))
    if params["properties"]:
        home = product.get("home") or params["product"]["home"]
        asking.ask("properties", lambda quiet: _properties(quiet, params["properties"], home))
    has_cryptography = bool(product.get("cryptography") or information.cryptography_version())
    # One JVM for the truststore, the mail server, the accounts and the trials.
    with SharedJvm(product_setup(params, product)) as java:
        planned = _truststore(asking, params["truststore"], has_cryptography, java)
        if params["kubernetes"]:
            asking.ask("jvm", lambda quiet: _kubernetes(quiet, asking, params["kubernetes"], planned))
        asked_on = _mail(asking, params, planned, has_cryptography, java)
    sends = bool(params["proof"]) and not host.check_mode and proof.is_due(_planned(asking.answers))
    _messages(asking, {**params, "send": None if sends else params["send"]}, planned, has_cryptography)
    return _result(asking.answers, asked_on, params, found)


def _server(host: Host, params: t.Mapping[str, t.Any], product: Answer) -> Answer:
    from ansible_collections.stashops.mail.plugins.module_utils._bitbucket import mail_server
    from ansible_collections.stashops.mail.plugins.module_utils._plan import belonging

    answer = mail_server.run(host, params)
    other = belonging.mismatch(product, params)
    if other:
        host.warn(other)
    return answer


def _status(host: Host, params: t.Mapping[str, t.Any]) -> Answer:
    from ansible_collections.stashops.mail.plugins.module_utils._bitbucket import status

    return status.run(host, params)


def _planned(answers: t.Mapping[str, Answer]) -> dict[str, t.Any]:
    """The answers, and which of them are that something would be changed; a message changes nothing."""
    changing = [name for name, answer in answers.items() if answer.get("changed")]
    return {**answers, "planned": [name for name in changing if name not in _MESSAGES]}


def _jvm(host: Host, params: t.Mapping[str, t.Any], found: bool) -> Answer:
    if not found and params["state"] == "present":
        return skipped(refusals.NOT_FOUND)
    from ansible_collections.stashops.mail.plugins.module_utils._product import arguments

    return arguments.run(host, params)


def _kubernetes(host: Host, asking: Asking, params: t.Mapping[str, t.Any], planned: bytes | None) -> Answer:
    truststore = asking.answers.get("truststore", {})
    if params["state"] == "present" and (truststore.get("failed") or truststore.get("skipped")):
        return skipped("Not asked, since there is no truststore to mount.")
    from ansible_collections.stashops.mail.plugins.module_utils._product import kubernetes

    return kubernetes.run(host, params, planned)


def _properties(host: Host, params: t.Mapping[str, t.Any], home: str | None) -> Answer:
    home = params["home"] or home
    if not home and not params["path"]:
        raise StashMailError(
            "No home folder of the product was found on this host, and the properties go into the file in its shared "
            "folder. Set product.home (stash_mail_bitbucket_home)."
        )
    from ansible_collections.stashops.mail.plugins.module_utils._product import properties_file

    return properties_file.run(host, {**params, "home": home})


def _truststore(
    asking: Asking, params: t.Mapping[str, t.Any] | None, has_cryptography: bool, java: SharedJvm
) -> bytes | None:
    """Ask for the truststore; return its bytes as they would be, None where there would be none."""
    if not params:
        return None
    from ansible_collections.stashops.mail.plugins.module_utils._smtp.tls import fetch_chain
    from ansible_collections.stashops.mail.plugins.module_utils._truststore import build
    from ansible_collections.stashops.mail.plugins.module_utils._verdict import loading
    from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import NO_CRYPTOGRAPHY

    data: bytes | None = None

    def question(host: Host) -> Answer:
        nonlocal data
        if not has_cryptography and params["state"] == "present" and (params["certificates"] or params["fetch"]):
            return skipped(NO_CRYPTOGRAPHY)
        seconds = params["deadline"]
        result, data = build.build(host, params, fetch_chain, lambda store, _params: loading.load(java, store, seconds))
        return result

    asking.ask("truststore", question)
    return data


def _mail(
    asking: Asking, params: t.Mapping[str, t.Any], planned: bytes | None, has_cryptography: bool, java: SharedJvm
) -> dict[str, dict[str, Answer]]:
    if not params["probe"]:
        return {}
    from ansible_collections.stashops.mail.plugins.module_utils._plan import mail

    return mail.ask(asking, params, planned, has_cryptography, java)


def _messages(asking: Asking, params: t.Mapping[str, t.Any], planned: bytes | None, has_cryptography: bool) -> None:
    if not any(params[name] for name in _MESSAGES):
        return
    from ansible_collections.stashops.mail.plugins.module_utils._plan import mailbox

    mailbox.ask(asking, params, planned, has_cryptography)


def _result(
    answers: t.Mapping[str, Answer],
    asked_on: t.Mapping[str, t.Mapping[str, Answer]],
    params: t.Mapping[str, t.Any],
    found: bool,
) -> dict[str, t.Any]:
    failed = {name: answer for name, answer in answers.items() if answer.get("failed")}
    broken = [f"{name}: {trial['msg']}" for name, trial in asked_on.get("trials", {}).items() if trial.get("failed")]
    if broken:
        failed["trials"] = {"msg": " ".join(broken)}
    refused = refusals.find(answers, params, found)
    result = {
        **_planned(answers),
        **asked_on,
        "changed": False,
        "failures": list(failed),
        "refusals": refused,
        "jvm_truststore": {
            when: in_force.in_force(params, answers["product"], afterwards=when == "afterwards")
            for when in ("now", "afterwards")
        },
        "restart": refusals.restart_method(answers["product"], params["restart"]),
    }
    if not failed and not refused:
        return result
    if len(failed) == 1 and not refused:
        (answer,) = failed.values()
        if "code" in answer:
            result["code"] = answer["code"]
        raise StashMailError(str(answer["msg"]), **result)
    raise StashMailError("\n".join([*(f"{name}: {failed[name]['msg']}" for name in failed), *refused]), **result)
