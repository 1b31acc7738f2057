#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
groupadd --gid 5000 vmail
useradd --uid 5000 --gid vmail --home-dir /var/mail/virtual --shell /usr/sbin/nologin vmail
install -d -o vmail -g vmail -m 0700 /var/mail/virtual
# A container gets its own at its first boot.
rm -f /etc/machine-id
: >/etc/machine-id
exim4 -bV
systemctl enable exim.service dovecot.service
# Debian's own start of it, and what a container has no use for.
systemctl mask exim4.service exim4-base.timer systemd-logind.service getty.target apt-daily.timer apt-daily-upgrade.timer
