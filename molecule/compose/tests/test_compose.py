# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioned in a container of a compose project, by the override file that the role writes, and taken back."""

from __future__ import annotations

from tests.lab.contained import FOLDER, Contained


class TestCompose(Contained):
    container = "bitbucket"
    truststore = f"{FOLDER}/stash_mail/cacerts"
    kept = ("-Dof.the.project=1", "-Dcost=$5")
    written = (truststore, f"{FOLDER}/compose.override.yaml")
    volume = "bitbucket_shared"
