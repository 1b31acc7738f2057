#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# stop-bitbucket.sh: ends what start-bitbucket.sh started.
INST_DIR=$(dirname "$(dirname "$(readlink -f "$0")")")
# shellcheck source=/dev/null
. "$INST_DIR/bin/set-bitbucket-home.sh"
exec "$INST_DIR/lib/standin/stop.sh" "$INST_DIR" "$BITBUCKET_HOME" bitbucket
