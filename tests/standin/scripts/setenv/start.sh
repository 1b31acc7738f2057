#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# start-@name@.sh [-fg]
INST_DIR=$(dirname "$(dirname "$(readlink -f "$0")")")
# shellcheck source=/dev/null
. "$INST_DIR/bin/user.sh"

action="start"
for argument in "$@"; do
    case "$argument" in
        -fg | run) action="run" ;;
        --no-search) ;; # Only 5.0 and later bundle a search server; accepted so that callers need not know.
        *)
            echo "Usage: start-@name@.sh [-fg]" >&2
            exit 64
            ;;
    esac
done

if [ -n "$PRODUCT_USER" ] && [ "$(id -un)" != "$PRODUCT_USER" ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "Start this as root or as $PRODUCT_USER" >&2
        exit 1
    fi
    exec su -l "$PRODUCT_USER" -c "'$INST_DIR/bin/catalina.sh' $action"
fi
exec "$INST_DIR/bin/catalina.sh" "$action"
