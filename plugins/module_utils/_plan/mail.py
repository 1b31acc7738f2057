# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the plan that is about the mail server: by which truststore it is judged, further ones, and accounts."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._plan.asking import Answer, Asking, skipped
from ansible_collections.stashops.mail.plugins.module_utils._plan.in_force import in_force
from ansible_collections.stashops.mail.plugins.module_utils._plan.java import java_options
from ansible_collections.stashops.mail.plugins.module_utils._smtp import probe
from ansible_collections.stashops.mail.plugins.module_utils._truststore import build
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import Anchors, read_anchors
from ansible_collections.stashops.mail.plugins.module_utils._verdict.judge import Judgement
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import SharedJvm
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import NO_CRYPTOGRAPHY, sha256

if t.TYPE_CHECKING:
    from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Conversation

Params = t.Mapping[str, t.Any]


def ask(
    asking: Asking, params: Params, planned: bytes | None, has_cryptography: bool, java: SharedJvm
) -> dict[str, dict[str, Answer]]:
    """Ask the mail server; ``planned`` is the truststore as it would be, None without one.

    ``java`` is the JVM of :func:`_plan.java.product_setup`.

    Returns the answers for ``trials`` and for ``logins`` by name, as far as there are any.
    """
    found = _Mail(asking, params, planned, java).ask(has_cryptography)
    return {name: answers for name, answers in found.items() if answers}


class _Mail:
    def __init__(self, asking: Asking, params: Params, planned: bytes | None, java: SharedJvm) -> None:
        self.asking, self.params, self._java = asking, params, java
        self._planned = planned
        product = asking.answers["product"]
        self._product: Params = product
        # For an account, a trial and the probe alike: who asks the server, and what its JVM is.
        self._options: dict[str, t.Any] = {**params["probe"], **java_options(params["probe"], product)}
        self._asked: Conversation | None = None

    def ask(self, has_cryptography: bool) -> dict[str, dict[str, Answer]]:
        asking = self.asking
        if not has_cryptography and self._options["security"] != "plain":
            asking.answers["probe"] = skipped(NO_CRYPTOGRAPHY)
            return {}
        truststore = asking.answers.get("truststore", {})
        if self._counts_as_planned and (truststore.get("failed") or truststore.get("skipped")):
            asking.answers["probe"] = skipped("Not asked, since there is no truststore to judge the mail server by.")
            return {}
        logins = {item["name"]: self._login(item) for item in self.params["logins"]}
        if logins:
            asking.answers["probe"] = skipped("The logins were tried in its place.")
        else:
            asking.ask("probe", lambda host: self._probe(host, self._options))
        return {"logins": logins, "trials": self._trials()}

    @property
    def _counts_as_planned(self) -> bool:
        """Whether the truststore as it would be is the one to judge by."""
        truststore = self.params["truststore"]
        if not truststore or truststore["state"] != "present" or self._options["truststore"]:
            return False
        return bool(self.params["judged_by"] == "planned")

    def _probe(self, host: Host, options: Params) -> Answer:
        planned = None
        if self._counts_as_planned and self._planned is not None:
            planned = self._read_planned(self._planned)
        elif not options["truststore"]:
            afterwards = self.params["judged_by"] == "planned"
            options = {**options, "truststore": in_force(self.params, self._product, afterwards=afterwards)}
        judge = self._asked.judge if self._asked else None
        found = probe.ask(options, planned, judge, self._java)
        self._asked = found.conversation
        return probe.answer(host, options, found)

    def _read_planned(self, data: bytes) -> Anchors:
        path, password = self.params["truststore"]["path"], self._options["truststore_password"]
        return read_anchors(data, password, path, "the truststore as it would be")

    def _login(self, item: Params) -> Answer:
        """What the mail server says to one account."""
        host = Host(self.asking.host.module)
        try:
            found = self._probe(host, {**self._options, "username": item["username"], "password": item["password"]})
        except StashMailError as error:
            return {"accepted": False, "outcome": error.details.get("outcome", "failed"), "msg": str(error)}
        accepted = bool(found["authenticated"])
        return {"accepted": accepted, "outcome": found["outcome"], "msg": f"{found['cause']}. {found['meaning']}"}

    def _trials(self) -> dict[str, Answer]:
        """Judge what the mail server has presented by other truststores."""
        asked = self._asked
        if asked is None or asked.handshake is None:
            return {}
        found = {
            item["name"]: self._trial(asked, functools.partial(self._given_anchors, item))
            for item in self.params["trials"]
        }
        outcome = self.asking.answers["probe"].get("outcome")
        if self.params["judged_by"] == "in_force" and outcome == "tls_untrusted" and self._planned:
            planned = self._read_planned(self._planned)
            given = [item["sha256"] for item in self.asking.answers["truststore"]["anchors"]]
            found["planned"] = self._trial(asked, lambda: (planned, given))
        return found

    def _given_anchors(self, item: Params) -> tuple[Anchors, list[str]]:
        """The anchors of one of the option's trials, and the SHA-256 of those that are given."""
        sources = {
            "base_password": (self.params["truststore"] or {}).get("base_password", "changeit"),
            **self.params["product"],
            **item,
        }
        base = build.load_base(sources, build.find_java(sources))
        given = [entry.der for entry in build.collect(self.asking.host, sources).entries()]
        anchors = Anchors(
            [*(entry.der for entry in base.entries), *given], f"trial {item['name']}", "built for a trial"
        )
        return anchors, [sha256(der) for der in given]

    def _trial(self, asked: Conversation, load: t.Callable[[], tuple[Anchors, list[str]]]) -> Answer:
        try:
            anchors, given = load()
            judgement = self._judge(asked, anchors)
        except StashMailError as error:
            unknown: Answer = {"trusted": None, "delivers": False, "outcome": "failed", "jvm": None, "anchors": []}
            return {**unknown, "failed": True, "msg": str(error), "reason": str(error)}
        verdict = judgement.verdict
        outcome = {True: "deliver", False: verdict.code, None: "unknown"}[verdict.trusted]
        if verdict.trusted and asked.settings.check_identity and verdict.names_match is False:
            outcome = "tls_identity"
        return {
            "trusted": verdict.trusted,
            "reason": verdict.reason,
            "delivers": outcome == "deliver",
            "outcome": outcome,
            "jvm": judgement.facts,
            "anchors": given,
        }

    def _judge(self, asked: Conversation, anchors: Anchors) -> Judgement:
        settings, handshake = asked.settings._replace(planned=anchors), asked.handshake
        if handshake is None:
            raise RuntimeError("there is nothing to judge without a handshake")
        deadline = Deadline(self._options["deadline"])
        with settings.judge(self._java) as judge:
            judge.prepare(for_verdict=True)
            return judge.judge(settings.server(handshake, deadline), deadline)
