#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# _start-webapp.sh {fg|bg}: called by start-bitbucket.sh, holds the JVM's arguments.

# Additional arguments for the JVM. While this line is commented the environment's value counts, else this one.
#JVM_SUPPORT_RECOMMENDED_ARGS=

# Memory of the JVM.
: "${JVM_MINIMUM_MEMORY:=32m}"
: "${JVM_MAXIMUM_MEMORY:=128m}"

INST_DIR=$(dirname "$(dirname "$(readlink -f "$0")")")
# shellcheck source=/dev/null
. "$INST_DIR/bin/set-bitbucket-home.sh"
# shellcheck source=/dev/null
. "$INST_DIR/bin/set-jre-home.sh"

JVM_LIBRARY_PATH_ARG=
if [ -n "$JVM_LIBRARY_PATH" ]; then
    JVM_LIBRARY_PATH_ARG="-Djava.library.path=$JVM_LIBRARY_PATH"
fi

# The lists of arguments are split at blanks, as the product splits them.
# shellcheck disable=SC2086
exec "$INST_DIR/lib/standin/run.sh" "${1:-bg}" "$INST_DIR" "$BITBUCKET_HOME" bitbucket "$INST_DIR/app" \
    $JAVA_OPTS "-Xms$JVM_MINIMUM_MEMORY" "-Xmx$JVM_MAXIMUM_MEMORY" $JVM_LIBRARY_PATH_ARG \
    $JVM_SUPPORT_RECOMMENDED_ARGS "-Dbitbucket.home=$BITBUCKET_HOME" "-Dbitbucket.install=$INST_DIR"
