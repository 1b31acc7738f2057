# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioned in a pod, by the Secret and the values that the role writes, and taken back."""

from __future__ import annotations

from tests.lab.contained import FOLDER, Contained


class TestKube(Contained):
    container = "bitbucket-bitbucket"
    truststore = "/var/stash_mail/cacerts"
    kept = ("-Dof.the.site=1",)
    written = (f"{FOLDER}/mail/cacerts", f"{FOLDER}/mail/secret.yaml", f"{FOLDER}/mail/values.yaml")
    volume = "shared"
