#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# catalina.sh {run|start|stop}: called by the start and stop scripts.
INST_DIR=$(dirname "$(dirname "$(readlink -f "$0")")")
# shellcheck source=/dev/null
. "$INST_DIR/bin/setenv.sh"

case "$1" in
    run) mode="fg" ;;
    start) mode="bg" ;;
    stop) exec "$INST_DIR/lib/standin/stop.sh" "$INST_DIR" "$PRODUCT_HOME" @name@ ;;
    *)
        echo "Usage: catalina.sh {run|start|stop}" >&2
        exit 64
        ;;
esac

# The list of arguments is split at blanks, as the product splits it.
# shellcheck disable=SC2086
exec "$INST_DIR/lib/standin/run.sh" "$mode" "$INST_DIR" "$PRODUCT_HOME" @name@ "$INST_DIR/atlassian-@name@" \
    $JAVA_OPTS $CATALINA_OPTS "-D@name@.home=$PRODUCT_HOME" "-D@name@.install=$INST_DIR"
