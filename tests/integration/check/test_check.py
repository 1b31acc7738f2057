# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""check.yml against a product and a mail server: what it says of each thing that can be wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.integration.check.conftest import FILES, check
from tests.integration.role.conftest import ACCOUNT, RECIPIENT, Site
from tests.mail_server import MailServer, self_signed
from tests.standin.runner import free_port

WELL = {
    "reachable": "ok",
    "settings": "ok",
    "truststore": "ok",
    "jvm": "ok",
    "delivery": "ok",
    "message": "skipped",
}


def test_all_well(site: Site) -> None:
    sent = len(site.smtp.messages)
    checked = check(site)
    assert checked.outcome.ok, checked.outcome.output
    assert checked.outcome.changed == 0
    # The plan is the only one that is called on the host: the others write the reports on the controller.
    assert checked.outcome.output.count("/stash_mail_plan.py\n") == 1
    assert checked.outcome.tasks <= 16
    assert checked.statuses() == WELL
    assert len(site.smtp.messages) == sent
    certificates = {(item["where"], item["sha256"]) for item in checked.instance()["certificates"]}
    assert len(certificates) == 2
    assert len({sha256 for _where, sha256 in certificates}) == 1, "the anchor is what the server presents"
    assert all(item["not_before"] < item["not_after"] for item in checked.instance()["certificates"])
    assert checked.answers()["reachable"]["details"]["product"] == "bitbucket"


def test_check_mode_gives_the_same(site: Site) -> None:
    checked = check(site)
    for name in FILES:
        (checked.folder / name).unlink()
    again = check(site, "--check", "--diff")
    assert again.outcome.ok
    assert again.answers() == checked.answers()


def test_a_message_is_sent_on_request(site: Site) -> None:
    sent = len(site.smtp.messages)
    checked = check(site, "--check", check_message=True)
    assert checked.outcome.ok, checked.outcome.output
    assert checked.statuses() == {**WELL, "message": "ok"}
    assert len(site.smtp.messages) == sent + 1
    assert site.smtp.messages[-1]["To"] == RECIPIENT
    delivered = checked.instance()["last_delivery"]
    assert delivered
    kept = check(site)
    assert kept.instance()["last_delivery"] == delivered
    assert ("stash_mail_last_delivery_timestamp_seconds", frozenset({("host", "stand_in")})) in kept.metrics


def test_certificates_that_end_soon_are_a_warning(site: Site) -> None:
    # As the command line gives it.
    checked = check(site, check_warn_days="60")
    assert checked.outcome.ok, checked.outcome.output
    assert checked.statuses() == {**WELL, "truststore": "warning", "delivery": "warning"}
    assert "in 29 days" in checked.answers()["delivery"]["summary"]
    assert all(item["is_due"] for item in checked.instance()["certificates"])
    assert "expires on" in checked.outcome.output


def test_a_wrong_password(site: Site) -> None:
    site.secrets.append("wr0ng-passw0rd")
    attempts = len(site.smtp.auth_attempts)
    checked = check(site, password="wr0ng-passw0rd", check_message=True)
    assert checked.outcome.code == 2
    assert checked.statuses() == {**WELL, "settings": "failed", "delivery": "failed"}
    assert "password is not the one" in checked.answers()["settings"]["summary"]
    assert checked.answers()["delivery"]["details"]["outcome"] == "auth_failed"
    assert site.smtp.auth_attempts[attempts:] == [False], "one attempt, no account gets locked"


def test_settings_that_somebody_has_changed(site: Site) -> None:
    settings = site.mail_settings()
    assert settings is not None
    site.bitbucket.configure_mail({**settings, "port": 26, "password": site.password})
    try:
        checked = check(site)
    finally:
        site.bitbucket.configure_mail({**settings, "password": site.password})
    assert checked.outcome.code == 2
    assert checked.statuses() == {**WELL, "settings": "failed"}
    assert f"port is 26 instead of {site.smtp.port}." in checked.answers()["settings"]["summary"]
    assert "variables' settings" in checked.answers()["delivery"]["details"]["asked_with"]


def test_an_account_that_may_not_read(site: Site) -> None:
    admin = site.bitbucket.admin
    site.secrets.append(admin.password)
    checked = check(site, bitbucket_admin_user=admin.name, bitbucket_admin_password=admin.password)
    assert checked.outcome.ok, checked.outcome.output
    assert checked.statuses() == {**WELL, "settings": "warning"}
    assert "SYS_ADMIN" in checked.answers()["settings"]["remedy"]

    without = check(site, bitbucket_admin_user="", bitbucket_admin_password="")
    assert without.outcome.ok
    assert without.statuses() == {**WELL, "settings": "skipped"}

    wrong = check(site, bitbucket_admin_password="s0mething-else")
    assert wrong.outcome.code == 2
    assert wrong.statuses() == {**WELL, "settings": "failed"}


def test_a_process_that_runs_with_older_arguments(site: Site) -> None:
    script, moved = site.bitbucket.jvm_args_file, site.folder / "elsewhere" / "cacerts"
    before, times = script.read_text(), script.stat()
    moved.parent.mkdir()
    moved.write_bytes(site.truststore.read_bytes())
    script.write_text(before.replace(str(site.truststore), str(moved)))
    try:
        checked = check(site, truststore_path=str(moved))
    finally:
        script.write_text(before)
        os.utime(script, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert checked.outcome.code == 2
    assert checked.statuses() == {**WELL, "jvm": "failed"}
    answer = checked.answers()["jvm"]
    assert answer["details"]["wanted"] == [f"-Djavax.net.ssl.trustStore={moved}"]
    assert answer["details"]["in_force"] == [f"-Djavax.net.ssl.trustStore={site.truststore}"]
    assert checked.answers()["delivery"]["details"]["jvm"]["truststore"] == str(site.truststore), "what is in force"


def test_a_certificate_that_was_renewed(site: Site) -> None:
    renewed = self_signed("localhost", "127.0.0.1")
    with MailServer(username=ACCOUNT, password=site.password, certificate=renewed, hostname="localhost") as other:
        checked = check(site, port=other.port)
        provisioned = check(site, port=other.port, certificates=[{"pem": renewed.pem}])
        attempts = other.auth_attempts
    assert checked.outcome.code == 2
    delivery = checked.answers()["delivery"]
    presented = next(item for item in checked.instance()["certificates"] if item["where"] == "mail server")
    assert (delivery["status"], delivery["details"]["outcome"]) == ("failed", "tls_untrusted")
    assert "was renewed or replaced" in delivery["reason"]
    assert presented["sha256"] in delivery["reason"]
    assert "have its administrator confirm" in delivery["remedy"].lower()

    assert provisioned.statuses()["truststore"] == "failed"
    assert "with the truststore that it writes the JVM would deliver" in provisioned.answers()["delivery"]["remedy"]
    assert attempts == [], "no password for a server that the JVM does not trust"


def test_hosts_that_cannot_be_reached(site: Site) -> None:
    gone = site.folder / "gone.json"
    gone.write_text(
        json.dumps(
            {
                "bitbucket": {
                    "hosts": {
                        "a_gone": {
                            "ansible_host": "127.0.0.1",
                            "ansible_port": free_port(),
                            "ansible_connection": "ssh",
                            "ansible_ssh_common_args": "-o ConnectTimeout=5",
                        },
                        "b_misspelt": {**site.settings, "stash_mail_check_warn_days": "soon"},
                    }
                }
            }
        )
    )
    checked = check(site, "--inventory", str(gone))
    assert checked.outcome.code == 2
    assert checked.statuses() == WELL, "the others were asked"
    assert checked.outcome.recap["failed"] == 0
    assert checked.report["counts"] == {"ok": 1, "warning": 0, "failed": 2, "skipped": 0}
    reached = checked.answers("a_gone")["reachable"]
    assert (reached["status"], reached["summary"]) == ("failed", "The host could not be reached.")
    assert reached["reason"]
    assert set(checked.statuses("a_gone").values()) == {"failed", "skipped"}
    assert "stash_mail_check_warn_days" in checked.answers("b_misspelt")["reachable"]["reason"]


def test_the_formats_that_are_asked_for(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "two" / "deep"
    assert site.run(playbook="check", report_dir=str(folder), report_formats=["json", "html"]).ok
    assert {path.name for path in folder.iterdir()} == {"stash_mail.json", "stash_mail.html"}
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o644"}


def test_a_product_that_does_not_run(site: Site) -> None:
    site.bitbucket.stop()
    try:
        checked = check(site)
    finally:
        site.bitbucket.start()
    assert checked.outcome.code == 2
    assert checked.statuses() == {**WELL, "settings": "failed", "jvm": "failed"}
    assert checked.answers()["jvm"]["summary"] == "The product does not run."


def test_a_dead_mail_server(site: Site) -> None:
    checked = check(site, port=free_port(), check_message=True)
    assert checked.outcome.code == 2
    assert checked.statuses() == {**WELL, "settings": "failed", "delivery": "failed"}
    assert checked.answers()["delivery"]["details"]["outcome"] == "refused"
    assert checked.answers()["message"]["reason"] == "No mail would go out, see the delivery."
