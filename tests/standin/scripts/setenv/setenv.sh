#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the start and stop scripts, with INST_DIR set.

# The home directory; the environment wins.
if [ -z "$PRODUCT_HOME" ]; then
    PRODUCT_HOME="@HOME@"
fi
export PRODUCT_HOME

# Additional arguments for the JVM.
JVM_SUPPORT_RECOMMENDED_ARGS=""

# Certificates of clients that manage this JVM over JMX. Nothing to do with the mail server's certificate.
#JAVA_TRUSTSTORE=

# Memory of the JVM.
: "${JVM_MINIMUM_MEMORY:=32m}"
: "${JVM_MAXIMUM_MEMORY:=128m}"

JAVA_OPTS="-Xms$JVM_MINIMUM_MEMORY -Xmx$JVM_MAXIMUM_MEMORY $JAVA_OPTS $JVM_SUPPORT_RECOMMENDED_ARGS"
export JAVA_OPTS

# shellcheck source=/dev/null
. "$INST_DIR/bin/set-jre-home.sh"
