#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# start-bitbucket.sh [-fg] [--no-search]
INST_DIR=$(dirname "$(dirname "$(readlink -f "$0")")")

# Quotes a text for the shell.
quote() {
    printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"
}

mode="bg"
for argument in "$@"; do
    case "$argument" in
        -fg | --fg | run) mode="fg" ;;
        --no-search | -ns) ;; # There is no bundled search server here to leave out.
        *)
            echo "Usage: start-bitbucket.sh [-fg] [--no-search]" >&2
            exit 64
            ;;
    esac
done

# shellcheck source=/dev/null
. "$INST_DIR/bin/set-bitbucket-user.sh"

if [ -n "$BITBUCKET_USER" ] && [ "$(id -un)" != "$BITBUCKET_USER" ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "Start this as root or as $BITBUCKET_USER" >&2
        exit 1
    fi
    # A login shell starts with an empty environment. Only these come along, and JAVA_OPTS is none of them.
    command=
    for name in BITBUCKET_HOME JAVA_HOME JRE_HOME JVM_LIBRARY_PATH JVM_MINIMUM_MEMORY JVM_MAXIMUM_MEMORY \
        JVM_SUPPORT_RECOMMENDED_ARGS; do
        eval "value=\${$name-}"
        # shellcheck disable=SC2154 # set by eval
        if [ -n "$value" ]; then
            command="$command export $name=$(quote "$value");"
        fi
    done
    command="$command exec $(quote "$INST_DIR/bin/start-bitbucket.sh")"
    for argument in "$@"; do
        command="$command $(quote "$argument")"
    done
    if command -v runuser >/dev/null 2>&1; then
        exec runuser -l "$BITBUCKET_USER" -c "$command"
    fi
    exec su -l "$BITBUCKET_USER" -c "$command"
fi

exec "$INST_DIR/bin/_start-webapp.sh" "$mode"
