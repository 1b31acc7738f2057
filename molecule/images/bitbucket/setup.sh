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
# Ansible's account: no password, a key that comes when a container is created, and sudo. sshd is run for each
# connection (molecule/resources/inventory/hosts.yml), so that it needs no port.
useradd --create-home --shell /bin/sh deploy
echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy
chmod 0440 /etc/sudoers.d/deploy
systemctl disable ssh.service
echo 'd /run/sshd 0755 root root' >/etc/tmpfiles.d/sshd.conf
# A container gets its own at its first boot.
: >/etc/machine-id
systemctl mask systemd-logind.service getty.target apt-daily.timer apt-daily-upgrade.timer
