# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments that an administrator has set are there before the role comes."""

from __future__ import annotations

from testinfra.host import Host

SETENV = "/opt/atlassian/stash/3.11.6/bin/setenv.sh"
VARIABLE = "JVM_SUPPORT_RECOMMENDED_ARGS"
ARGUMENTS = "-Dfile.encoding=UTF-8 -XX:+UseSerialGC"


def test_set_arguments(bitbucket: Host) -> None:
    bitbucket.check_output(f'sed -i \'s/^{VARIABLE}=""$/{VARIABLE}="{ARGUMENTS}"/\' {SETENV} && cp -p {SETENV} /root')
    assert bitbucket.file(SETENV).content_string.count(f'{VARIABLE}="{ARGUMENTS}"') == 1
    # They take effect with the restart that the role will ask for.
