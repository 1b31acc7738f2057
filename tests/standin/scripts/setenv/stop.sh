#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# stop-@name@.sh: ends what start-@name@.sh started.
exec "$(dirname "$(readlink -f "$0")")/catalina.sh" stop
