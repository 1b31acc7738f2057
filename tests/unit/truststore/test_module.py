# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible runs it: real files, real TLS servers on loopback, check mode and diff."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import stat
import typing as t
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP
from ansible_collections.stashops.mail.plugins.module_utils._truststore import jks, pkcs12, store
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry

from tests.ansible_module import run_module
from tests.unit.truststore.factory import DAY, NOW, Made, make

BASE = [make("Public One"), make("Public Two")]
ROOT = make("Company Root CA", organisation="Company")
LEAF = make("localhost", ca=False, issuer=ROOT, names=["localhost", "127.0.0.1"])


class Target(t.NamedTuple):
    """A target host: a Java with its bundle, and where our truststore shall be."""

    java_home: Path
    cacerts: Path
    path: Path

    def run(self, check: bool = False, **options: t.Any) -> t.Any:
        return run_module(check, path=str(self.path), java_home=str(self.java_home), **options)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    java_home = tmp_path / "jdk"
    (java_home / "bin").mkdir(parents=True)
    (java_home / "bin" / "java").write_text("#!/bin/sh\nexit 1\n")
    (java_home / "bin" / "java").chmod(0o755)
    security = java_home / "lib" / "security"
    security.mkdir(parents=True)
    entries = [Entry(f"public{number}", made.der, 1234) for number, made in enumerate(BASE)]
    (security / "cacerts").write_bytes(store.write_store(entries, "jks"))
    return Target(java_home, security / "cacerts", tmp_path / "cacerts")


def short(made: Made, alias: str) -> dict[str, str]:
    certificate = made.certificate
    return {
        "alias": alias,
        "sha256": made.sha256,
        "subject": certificate.subject.rfc4514_string(),
        "not_after": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def test_first_run_second_run_and_check_mode(target: Target) -> None:
    options: dict[str, t.Any] = {"certificates": [{"pem": ROOT.pem}]}
    alias = f"stash_mail:company-root-ca-{ROOT.sha256[:8]}"
    checked = target.run(check=True, **options)
    assert not target.path.exists()
    first = target.run(**options)
    assert not first.failed, first.message
    result = first.result
    assert result["changed"]
    assert result["added"] == [short(ROOT, alias)]
    assert result["removed"] == []
    assert result["anchors"] == [dict(short(ROOT, alias), pem=ROOT.pem)]
    assert result["entries"] == 3
    assert result["base"] == {
        "path": str(target.cacerts),
        "source": "option java_home",
        "format": "jks",
        "entries": 2,
    }
    written = target.path.read_bytes()
    assert jks.read(written, "changeit") == sorted(
        [Entry("public0", BASE[0].der), Entry("public1", BASE[1].der), Entry(alias, ROOT.der)]
    )
    assert stat.S_IMODE(target.path.stat().st_mode) == 0o644
    for key in ("changed", "added", "removed", "anchors", "sha256", "entries"):
        assert checked.result[key] == result[key], key

    modified = target.path.stat().st_mtime_ns
    for check in (False, True):
        again = target.run(check=check, **options).result
        assert not again["changed"]
        assert (again["added"], again["removed"], again["diff"]) == ([], [], [])
        assert again["anchors"] == result["anchors"]
    assert target.path.stat().st_mtime_ns == modified


def test_diff_of_a_renewal(target: Target) -> None:
    new = make("Company Root CA 2", organisation="Company")
    target.run(certificates=[{"pem": ROOT.pem, "alias": "Company"}])
    (diff,) = target.run(check=True, certificates=[{"pem": new.pem, "alias": "Company"}]).result["diff"]
    end = ROOT.certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert f"company  sha256={ROOT.sha256}  until={end}  CN=Company Root CA,O=Company\n" in diff["before"]
    assert f"company  sha256={new.sha256}" in diff["after"]
    assert "public" not in diff["before"] + diff["after"]


def test_an_update_of_java_flows_through(target: Target) -> None:
    ours: dict[str, t.Any] = {"certificates": [{"pem": ROOT.pem}]}
    target.run(**ours)
    new = make("Public Three")
    target.cacerts.write_bytes(store.write_store([Entry("public1", BASE[1].der), Entry("Public3", new.der)], "pkcs12"))
    result = target.run(**ours).result
    assert result["changed"]
    assert result["base"]["format"] == "pkcs12"
    assert result["added"] == [short(new, "public3")]
    assert result["removed"] == [short(BASE[0], "public0")]
    assert {entry.der for entry in jks.read(target.path.read_bytes(), "changeit")} == {BASE[1].der, new.der, ROOT.der}


def test_new_dates_in_the_base_change_nothing(target: Target) -> None:
    target.run()
    entries = [Entry(f"public{number}", made.der, 999) for number, made in enumerate(BASE)]
    target.cacerts.write_bytes(store.write_store(entries, "jks"))
    assert not target.run().result["changed"]


def test_pkcs12_password_and_exclude(target: Target) -> None:
    result = target.run(format="pkcs12", password="ignored", exclude=[BASE[0].sha256.upper()]).result
    assert pkcs12.read(target.path.read_bytes()).entries == [Entry("public1", BASE[1].der)]
    assert result["removed"] == [short(BASE[0], "public0")]
    target.run(password="secret-1")
    assert len(jks.read(target.path.read_bytes(), "secret-1")) == 2
    changed = target.run(password="secret-2").result
    assert changed["changed"]
    assert (changed["added"], changed["removed"]) == ([], [])
    assert "secret" not in json.dumps(changed)


def test_bases(target: Target, tmp_path: Path) -> None:
    only_ours = target.run(base="none", certificates=[{"pem": ROOT.pem + LEAF.pem}]).result
    assert only_ours["base"] == {"path": None, "source": "none", "format": None, "entries": 0}
    assert only_ours["entries"] == 2
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("".join(made.pem for made in BASE))
    result = target.run(base=str(bundle)).result
    assert (result["base"]["format"], result["entries"]) == ("pem", 2)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "one.der").write_bytes(BASE[0].der)
    assert target.run(base=str(folder)).result["base"]["format"] == "directory"


def test_certificates_of_the_target(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "ca.der"
    path.write_bytes(ROOT.der)
    result = target.run(certificates=[{"path": str(path), "alias": "Mine"}]).result
    assert result["added"] == [short(ROOT, "mine")]


def test_attributes(target: Target) -> None:
    target.run(mode="0600")
    assert stat.S_IMODE(target.path.stat().st_mode) == 0o600
    result = target.run(certificates=[{"pem": ROOT.pem}]).result
    assert result["changed"]
    assert stat.S_IMODE(target.path.stat().st_mode) == 0o600
    checked = target.run(check=True, certificates=[{"pem": ROOT.pem}], mode="0644").result
    assert checked["changed"]
    assert stat.S_IMODE(target.path.stat().st_mode) == 0o600
    assert target.run(certificates=[{"pem": ROOT.pem}], mode="0644").result["changed"]
    assert not target.run(certificates=[{"pem": ROOT.pem}], mode="0644").result["changed"]


def test_an_unknown_owner_changes_nothing(target: Target) -> None:
    outcome = target.run(owner="no-such-user-here")
    assert outcome.failed
    assert not target.path.exists()
    assert [item.name for item in target.path.parent.iterdir()] == ["jdk"]


def test_backup_and_absent(target: Target) -> None:
    target.run()
    old = target.path.read_bytes()
    options: dict[str, t.Any] = {"certificates": [{"pem": ROOT.pem}], "backup": True}
    assert "backup_file" not in target.run(check=True, **options).result
    assert Path(target.run(**options).result["backup_file"]).read_bytes() == old
    assert "backup_file" not in target.run(**options).result

    assert target.run(check=True, state="absent").result["changed"]
    assert target.path.exists()
    gone = target.run(state="absent", backup=True).result
    assert not target.path.exists()
    assert gone["changed"]
    assert [item["sha256"] for item in gone["removed"]] == [ROOT.sha256]
    assert Path(gone["backup_file"]).exists()
    again = target.run(state="absent").result
    assert (again["changed"], again["removed"]) == (False, [])


def test_absent_needs_no_java(target: Target) -> None:
    target.run()
    result = run_module(path=str(target.path), java_home="/nowhere", state="absent").result
    assert result["changed"]
    assert len(result["removed"]) == 2


def test_a_damaged_truststore_is_repaired(target: Target) -> None:
    target.run()
    whole = target.path.read_bytes()
    for damage in (whole[:-100], b"", whole[:4]):
        target.path.write_bytes(damage)
        outcome = target.run()
        assert outcome.result["changed"]
        assert target.path.read_bytes() == whole
    assert "damaged" in outcome.warnings


def test_what_is_no_truststore_is_left_alone(target: Target) -> None:
    target.path.write_text("precious")
    for state in ("present", "absent"):
        outcome = target.run(state=state)
        assert outcome.failed
        assert "no truststore" in outcome.message
    assert target.path.read_text() == "precious"


def test_warnings(target: Target) -> None:
    soon = make("Soon", not_after=NOW + 10 * DAY)
    outcome = target.run(certificates=[{"pem": soon.pem}, {"pem": LEAF.pem}])
    assert not outcome.failed
    assert "expires on" in outcome.warnings
    assert "issued by" in outcome.warnings
    assert "expires on" not in target.run(certificates=[{"pem": soon.pem}], warn_days=5).warnings


BAD: list[tuple[dict[str, t.Any], str]] = [
    ({"certificates": [{"pem": "garbage"}]}, r"certificates\[0\]\.pem holds no certificate"),
    ({"certificates": [{"pem": ROOT.pem}, {"pem": ROOT.key_pem * 2}]}, r"certificates\[1\]\.pem holds a private key"),
    ({"certificates": [{"pem": ROOT.pem[:300]}]}, "has no end line"),
    ({"certificates": [{"pem": ROOT.pem, "path": "/x"}]}, "mutually exclusive"),
    ({"certificates": [{"alias": "x"}]}, "one of the following is required"),
    ({"certificates": [{"path": "/nowhere"}]}, r"certificates\[0\]\.path /nowhere cannot be read"),
    ({"certificates": [{"pem": ROOT.pem, "alias": "\u00e4"}]}, r"certificates\[0\]\.alias"),
    ({"base": "/nowhere"}, "The base /nowhere is not there"),
    ({"base": "none"}, "no certificate"),
    ({"base_password": "other-one"}, "password is wrong"),
    ({"java_home": "/nowhere"}, "holds no Java"),
    ({"exclude": ["12"]}, r"exclude\[0\] is not a SHA-256"),
    ({"exclude": [ROOT.sha256], "certificates": [{"pem": ROOT.pem}]}, "added and excluded"),
    ({"password": ""}, "password is empty"),
    ({"fetch": [{"host": "a b", "sha256": ROOT.sha256}]}, r"fetch\[0\]\.host"),
    ({"fetch": [{"host": "localhost", "port": 0}]}, r"fetch\[0\]\.port"),
    ({"fetch": [{"host": "localhost", "sha256": "12"}]}, r"fetch\[0\]\.sha256 is not a SHA-256"),
    ({"path": "relative"}, "not absolute"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_input_changes_nothing(target: Target, options: dict[str, t.Any], message: str) -> None:
    target.run()
    before = target.path.read_bytes()
    for check in (True, False):
        outcome = run_module(check, **{"path": str(target.path), "java_home": str(target.java_home), **options})
        assert outcome.failed
        assert pytest.raises(AssertionError, match=message).matches(AssertionError(outcome.message)), outcome.message
    assert target.path.read_bytes() == before


@pytest.mark.parametrize("damage", ["truncated", "empty", "no entries", "gone"])
def test_bad_bundles_of_the_jvm(target: Target, damage: str) -> None:
    target.run()
    before = target.path.read_bytes()
    if damage == "truncated":
        target.cacerts.write_bytes(target.cacerts.read_bytes()[:300])
    elif damage == "gone":
        target.cacerts.unlink()
    else:
        target.cacerts.write_bytes(b"" if damage == "empty" else store.write_store([], "jks"))
    assert target.run().failed
    assert target.path.read_bytes() == before


def test_never_the_jvms_own_bundle(target: Target) -> None:
    before = target.cacerts.read_bytes()
    target.path.symlink_to(target.cacerts)
    for path in (target.cacerts, target.path):
        for state in ("present", "absent"):
            outcome = run_module(path=str(path), java_home=str(target.java_home), state=state)
            assert outcome.failed
            assert "own truststore of a JVM" in outcome.message
    assert target.cacerts.read_bytes() == before


def test_a_missing_folder_is_made(target: Target) -> None:
    folder = target.path.parent / "later"
    options: dict[str, t.Any] = {"path": str(folder / "cacerts"), "java_home": str(target.java_home)}
    checked = run_module(True, **options)
    assert checked.result["diff"][0]["after"] == {"path": str(folder), "state": "directory"}
    assert not folder.exists()
    old = os.umask(0o077)
    try:
        made = run_module(**options)
    finally:
        os.umask(old)
    assert made.result["diff"][0] == checked.result["diff"][0]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert run_module(**options).result["diff"] == []


def test_what_is_missing_on_the_way_is_made(target: Target) -> None:
    folder = target.path.parent / "no" / "such"
    options: dict[str, t.Any] = {"path": str(folder / "cacerts"), "java_home": str(target.java_home)}
    assert not run_module(True, **options).failed
    assert not folder.parent.exists()
    assert not run_module(**options).failed
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder.parent, folder)] == [0o755, 0o755]


@pytest.mark.parametrize("mode", [420, 416, 0o600, "0640", "600", "u=rw,g=r,o=", "a+r"])
def test_modes(target: Target, mode: int | str) -> None:
    assert not target.run(mode=mode).failed
    assert stat.S_IMODE(target.path.stat().st_mode) in (0o644, 0o640, 0o600)
    assert not target.run(mode=mode).result["changed"]


@pytest.mark.parametrize("mode", [644, 640, 600, 755, 444, 400, 0o1644, "420", "384", -1])
def test_numbers_that_are_no_modes_are_refused(target: Target, mode: int | str) -> None:
    """Without quotes, YAML reads 644 as a number of its own, and older templates make 420 of 0644."""
    for check in (True, False):
        outcome = target.run(check, mode=mode)
        assert outcome.failed
        assert 'write it in quotes, with a zero before it, as in mode: "0644"' in outcome.message
    assert not target.path.exists()


@pytest.mark.parametrize(
    ("option", "value"), [("mode", "rw-r--r--"), ("mode", "0999"), ("owner", "no one"), ("group", "")]
)
def test_bad_attributes_are_refused_before_anything_changes(target: Target, option: str, value: str) -> None:
    for check in (True, False):
        outcome = target.run(check, **{option: value})
        assert outcome.failed
        assert outcome.message.startswith(f"{option} ")
    assert [item.name for item in target.path.parent.iterdir()] == ["jdk"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other accounts")
def test_a_truststore_in_a_folder_of_another_account(target: Target) -> None:
    """A link in its place would have given a file of root's the truststore's mode."""
    precious = target.path.parent / "precious"
    precious.write_bytes(b"")
    precious.chmod(0o600)
    folder = target.path.parent / "of_product"
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    link = folder / "cacerts"
    link.symlink_to(precious)
    os.chown(link, 12345, 12345, follow_symlinks=False)
    for state in ("present", "absent"):
        outcome = run_module(path=str(link), java_home=str(target.java_home), mode="0644", state=state)
        assert "a symbolic link of the account 12345 led there" in outcome.message
    assert (stat.S_IMODE(precious.stat().st_mode), precious.read_bytes()) == (0o600, b"")


def test_flags_where_another_account_can_swap_a_folder(target: Target) -> None:
    """They are set by path, so that the folder of root is not enough."""
    above = target.path.parent / "of_product"
    (above / "of_root").mkdir(parents=True)
    os.chown(above, 12345, 12345)
    path = above / "of_root" / "cacerts"
    outcome = run_module(path=str(path), java_home=str(target.java_home), attributes="d")
    assert "another account can change or swap" in outcome.message
    assert not path.exists()


def test_a_pasted_private_key_is_not_shown(target: Target) -> None:
    outcome = target.run(certificates=[{"pem": ROOT.key_pem}])
    assert ROOT.key_pem.splitlines()[1] not in json.dumps(outcome.result)


class Server(Controller):
    """An SMTP server on loopback that presents LEAF and its CA; ``starttls`` or TLS from the first byte."""

    def __init__(self, folder: Path, starttls: bool) -> None:
        chain = folder / "chain.pem"
        chain.write_text(LEAF.key_pem + LEAF.pem + ROOT.pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self._starttls = context if starttls else None
        super().__init__(Sink(), hostname="127.0.0.1", port=0, ssl_context=None if starttls else context)

    def factory(self) -> SMTP:
        return SMTP(self.handler, hostname="test", tls_context=self._starttls)

    def _trigger_server(self) -> None:
        # aiosmtpd's own self-test would connect to the port asked for, which is 0: any.
        assert isinstance(self.server, asyncio.Server)
        self.port = int(self.server.sockets[0].getsockname()[1])
        super()._trigger_server()  # type: ignore[no-untyped-call]


@pytest.fixture(params=["starttls_required", "smtps"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> t.Iterator[dict[str, t.Any]]:
    controller = Server(tmp_path, starttls=request.param != "smtps")
    controller.start()
    yield {"host": "127.0.0.1", "port": controller.port, "security": request.param}
    controller.stop()


def test_fetch_with_the_right_fingerprint(target: Target, server: dict[str, t.Any]) -> None:
    options: dict[str, t.Any] = {"fetch": [dict(server, sha256=[ROOT.sha256.upper()])], "deadline": 10}
    result = target.run(**options).result
    assert [item["sha256"] for item in result["added"]] == [ROOT.sha256]
    assert result["anchors"][0]["pem"] == ROOT.pem
    (fetched,) = result["fetched"]
    assert [item["sha256"] for item in fetched["certificates"]] == [LEAF.sha256, ROOT.sha256]
    assert fetched["complete"]
    assert not target.run(**options).result["changed"]


@pytest.mark.parametrize("pin", [[], ["00" * 32]])
def test_fetch_without_it_shows_what_was_presented(target: Target, server: dict[str, t.Any], pin: list[str]) -> None:
    outcome = target.run(fetch=[dict(server, sha256=pin)], deadline=10)
    assert outcome.failed
    assert LEAF.sha256 in outcome.message
    assert ROOT.sha256 in outcome.message
    assert [item["sha256"] for item in outcome.result["presented"]] == [LEAF.sha256, ROOT.sha256]
    assert not target.path.exists()


def test_fetch_only_to_report(target: Target, server: dict[str, t.Any]) -> None:
    result = target.run(check=True, fetch=[dict(server, report_only=True)], deadline=10).result
    assert (result["added"], result["anchors"]) == ([], [])
    assert result["fetched"][0]["certificates"][0]["subject"] == "CN=localhost"


def test_fetch_from_nobody(target: Target) -> None:
    outcome = target.run(fetch=[{"host": "127.0.0.1", "port": 1, "sha256": ROOT.sha256}], deadline=5)
    assert outcome.failed
    assert "fetch[0]" in outcome.message
