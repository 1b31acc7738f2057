#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced. The home directory; the environment wins.
if [ -z "$BITBUCKET_HOME" ]; then
    BITBUCKET_HOME="@HOME@"
fi
export BITBUCKET_HOME
