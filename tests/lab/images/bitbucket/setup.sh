#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
source=/usr/local/src/stash_mail
# Each image with a product has one of its own; the rest is the same.
# shellcheck source=tests/lab/images/bitbucket/files/usr/local/src/stash_mail/product.sh
. "$source/product.sh"
systemd=--systemd
if ! command -v systemctl >/dev/null; then
    systemd=
    useradd --system --user-group --home-dir "/var/atlassian/application-data/$name" --shell /bin/sh "atl$name"
fi
# shellcheck disable=SC2086 # one option or none
python3 "$source/tests/standin/install.py" \
    --install-dir "/opt/atlassian/$name/$version" \
    --home "/var/atlassian/application-data/$name" \
    --version "$version" \
    --key-style "$key_style" \
    --user "atl$name" \
    --launcher-class "$source/classes/Launcher.class" \
    $systemd
# Ansible's account: no password, a key that comes when a container is created, and sudo. sshd is run for each
# connection (tests/lab/playbooks/inventory/hosts.yml), so that it needs no port.
useradd --create-home --shell /bin/sh deploy
echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy
chmod 0440 /etc/sudoers.d/deploy
if [ -n "$systemd" ]; then
    systemctl disable ssh.service
    echo 'd /run/sshd 0755 root root' >/etc/tmpfiles.d/sshd.conf
    # A container gets its own at its first boot.
    : >/etc/machine-id
    systemctl mask systemd-logind.service getty.target apt-daily.timer apt-daily-upgrade.timer
    # What a first boot would write.
    systemctl mask ldconfig.service systemd-journal-catalog-update.service systemd-update-done.service dpkg-db-backup.timer
fi
