#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# stop.sh INSTALL_DIR HOME_DIR NAME
# Ends the process of the pid file, waiting for at most 30 seconds. Nothing to stop is a success.
inst_dir=$1 home_dir=$2 name=$3
pid_file="$home_dir/log/$name.pid"

# shellcheck source=/dev/null
. "$inst_dir/lib/standin/process.sh"

if [ ! -f "$pid_file" ]; then
    echo "$pid_file is not there, so nothing is running"
    exit 0
fi
pid=$(cat "$pid_file")
if running "$pid"; then
    kill "$pid" || exit 1
    tries=0
    while running "$pid"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ]; then
            echo "The process $pid did not end within 30 seconds" >&2
            exit 1
        fi
        sleep 0.1
    done
fi
rm -f "$pid_file"
