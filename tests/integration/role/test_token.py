# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The administrator's OAuth 2.0 access token in place of the account and its password."""

from __future__ import annotations

from tests.integration.role.conftest import Site

NO_ACCOUNT = {"bitbucket_admin_user": "", "bitbucket_admin_password": ""}


def test_by_a_token(site: Site) -> None:
    """All that is asked of the product: the settings, and the message that it sends itself."""
    token = site.bitbucket.sysadmin.token
    site.secrets.append(token)
    given = {**NO_ACCOUNT, "bitbucket_admin_token": token}
    provisioned = site.run("--diff", verify_notification=True, **given)
    assert provisioned.ok, provisioned.output
    assert site.mail_settings() is not None
    assert len(site.smtp.messages) == 2, "of ours and of the product"
    again = site.run(**given)
    assert (again.ok, again.changed) == (True, 0), again.output

    wrong = site.run(**{**given, "bitbucket_admin_token": site.bitbucket.user.token})
    assert wrong.code == 2
    assert "SYS_ADMIN" in wrong.output
    refused = site.run(**{**given, "bitbucket_admin_token": "n0-t0ken"})
    assert refused.code == 2
    assert "refused the token" in refused.output
    both = site.run(bitbucket_admin_token=token)
    assert both.code == 2
    assert "takes the place of stash_mail_bitbucket_admin_user" in " ".join(both.output.split())
