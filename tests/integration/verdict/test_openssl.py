# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where no JVM can be asked: OpenSSL never says the opposite of what Java is known to do."""

from __future__ import annotations

from collections import Counter

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Conversation, Settings
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import read_anchors

from tests.integration.verdict.catalogue import HOST, Situation, table, unusual
from tests.mail_server import Certificate, MailServer, authority, leaf, self_signed

# With what few certificates are in, real JavaMail on Java 8, 17 and 25 is known to end so.
UNUSUAL = {
    "a certificate of 40 kB": False,
    "name as UTF8String above and BMPString below": False,
    "name as T61String above and UTF8String below, other case": False,
    "name as UTF8String above and BMPString below, intermediate sent with its root": False,
    "intermediate with EKU clientAuth": True,
    "root with EKU codeSigning": True,
    "leaf with KU keyAgreement and decipherOnly": False,
    "root; leaf with KU keyAgreement only": False,
    "root with pathlen 0 above an intermediate": True,
    "TLS 1.2, ECDHE; KU keyEncipherment only": False,
}
KNOWN = [situation for situation in table() if situation.java is not None]
ROOT = authority()


def ask(server: MailServer, anchors: tuple[bytes, ...], **others: object) -> tuple[Conversation, StashMailError | None]:
    data = write_store([Entry(f"a{number}", der) for number, der in enumerate(anchors)], "jks")
    planned = read_anchors(data, None, "/made", "made")
    settings = Settings("127.0.0.1", server.port, server.mode, planned=planned)
    settings = settings._replace(method="openssl", check_identity=False)._replace(**others)  # type: ignore[arg-type]
    conversation = Conversation(settings, Deadline(20))
    return conversation, conversation.attempt()


def opinion(situation: Situation) -> bool | None:
    with MailServer("smtps", certificate=situation.server, context=situation.context()) as server:
        conversation, failure = ask(server, situation.anchors)
    jvm = conversation.facts["jvm"]
    if jvm is None:  # OpenSSL, as the server here, ends the handshake with Java, too
        assert isinstance(failure, MailFailure)
        return False
    assert (jvm["method"], jvm["java"]) == ("openssl", None)
    if jvm["trusted"] is None:
        assert failure is not None
        assert not isinstance(failure, MailFailure)
        assert "cannot be known here. OpenSSL" in str(failure)
        assert "auth" not in [step["step"] for step in conversation.facts["steps"]]
    trusted: bool | None = jvm["trusted"]
    return trusted


def test_it_never_says_the_opposite() -> None:
    odd = [situation for situation in [*table(), *unusual()] if situation.name in UNUSUAL]
    assert len(odd) == len(UNUSUAL)
    answers = {situation.name: opinion(situation) for situation in [*KNOWN, *odd]}
    java = {**{situation.name: situation.java for situation in KNOWN}, **UNUSUAL}
    wrong = {name: answer for name, answer in answers.items() if answer not in (None, java[name])}
    assert not wrong, wrong
    count = Counter(answers.values())
    # It is of use: in most situations it does answer.
    assert count[True] >= 20, count
    assert count[False] >= 12, count


@pytest.mark.parametrize("mode", ["smtps", "starttls_required"])
@pytest.mark.parametrize(
    ("certificate", "matches"), [(leaf(ROOT, "x", sans=["127.0.0.1"]), True), (leaf(ROOT, HOST), False)]
)
def test_names(mode: str, certificate: Certificate, matches: bool) -> None:
    with MailServer(mode, certificate=certificate) as server:
        conversation, failure = ask(server, (ROOT.der,))
        assert failure is None
        assert conversation.facts["jvm"]["trusted"] is True
        assert conversation.facts["jvm"]["identity"]["matches"] is matches
        _conversation, failure = ask(server, (ROOT.der,), check_identity=True)
        assert (failure is None) is matches


def test_a_refusal_is_explained() -> None:
    with MailServer("smtps", certificate=self_signed("127.0.0.1")) as server:
        conversation, failure = ask(server, (ROOT.der,))
    assert isinstance(failure, MailFailure)
    assert failure.code == "tls_untrusted"
    assert conversation.facts["jvm"]["reason"] == "CN=127.0.0.1 is not in the truststore"


def test_a_truststore_that_is_of_no_use() -> None:
    with MailServer("smtps", certificate=self_signed("127.0.0.1")) as server:
        conversation, failure = ask(server, (ROOT.der,), planned=read_anchors(b"not one", None, "/made", "made"))
    assert isinstance(failure, MailFailure)
    assert "cannot load /made" in conversation.facts["jvm"]["reason"]
