#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
source=/usr/local/src/stash_mail
python3 "$source/tests/standin/install.py" \
    --install-dir /opt/atlassian/bitbucket/9.4.2 \
    --home /var/atlassian/application-data/bitbucket \
    --version 9.4.2 \
    --user atlbitbucket \
    --launcher-class "$source/classes/Launcher.class" \
    --systemd
# A container gets its own at its first boot.
: >/etc/machine-id
systemctl mask systemd-logind.service getty.target apt-daily.timer apt-daily-upgrade.timer
