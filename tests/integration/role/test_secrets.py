# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""No password is in any output of a provision, a check or a rotation at -vvvv and with --diff, in whatever encoding.

The passwords are such as every quoting changes: what a site finds with others at its end, it finds with these too.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.integration.role.conftest import ACCOUNT, Site, make_site
from tests.integration.rotate.runs import held
from tests.lab import leaks
from tests.mail_server import self_signed

pytestmark = pytest.mark.timeout(900)


def awkward() -> str:
    """A password with what URLs, shells, JSON, YAML and HTML each write in their own way."""
    return secrets.token_urlsafe(9) + "'\"&<>+%/ {x}: #\\" + secrets.token_urlsafe(9)


def test_all_playbooks(tmp_path: Path) -> None:
    first, second = awkward(), awkward()
    new = self_signed("localhost", "127.0.0.1")
    with make_site(tmp_path, mail_password=first) as site:
        site.secrets.append(second)
        property_secret = awkward()
        site.secrets.append(property_secret)
        site.settings["stash_mail_properties"] = {"plugin.secret.password": property_secret}
        wrong = site.run("--diff", bitbucket_admin_password=second)
        assert wrong.code == 2, wrong.output
        done = site.run("--diff")
        assert done.ok, done.output
        assert held(site) == (ACCOUNT, first)
        checked = site.run("--diff", playbook="check", check_message=True, report_dir=str(tmp_path / "reports"))
        assert checked.recap["unreachable"] == 0
        for report in (tmp_path / "reports").iterdir():
            assert leaks.in_text(report.read_text(), site.secrets) == []
        refused = site.run("--diff", playbook="rotate_credentials", rotate_password=second)
        assert refused.code == 2, "the mail server does not take it yet"
        site.smtp.accounts = {(ACCOUNT, first), (ACCOUNT, second)}
        rotated = site.run("--diff", playbook="rotate_credentials", rotate_password=second)
        assert rotated.ok, rotated.output
        assert held(site) == (ACCOUNT, second)
        site.settings["stash_mail_password"] = second
        site.run("--diff", playbook="rotate_certificate", certificates_next=[{"pem": new.pem}])
        assert_found_if_it_were_there(site)


def assert_found_if_it_were_there(site: Site) -> None:
    """The search is no empty one."""
    for number, secret in enumerate(site.secrets):
        for form in leaks.forms(secret):
            assert number in leaks.in_text(f"{site.output[-2000:]}{form}", site.secrets)
