#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced with INST_DIR set. Java is JRE_HOME, else JAVA_HOME's (its jre directory where it has one), else bundled.
if [ -z "$JRE_HOME" ]; then
    if [ -n "$JAVA_HOME" ]; then
        if [ -x "$JAVA_HOME/jre/bin/java" ]; then
            JRE_HOME="$JAVA_HOME/jre"
        else
            JRE_HOME="$JAVA_HOME"
        fi
    elif [ -x "$INST_DIR/jre/bin/java" ]; then
        JRE_HOME="$INST_DIR/jre"
    fi
fi
export JRE_HOME
