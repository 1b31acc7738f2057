#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
groupadd --gid 5000 vmail
useradd --uid 5000 --gid vmail --home-dir /var/mail/virtual --shell /usr/sbin/nologin vmail
install -d -o vmail -g vmail -m 0700 /var/mail/virtual
# A container gets its own at its first boot.
rm -f /etc/machine-id /etc/ssl/private/ssl-cert-snakeoil.key
: >/etc/machine-id
systemctl enable postfix.service postgrey.service dovecot.service
systemctl mask systemd-logind.service getty.target apt-daily.timer apt-daily-upgrade.timer
