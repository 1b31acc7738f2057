#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh {fg|bg} INSTALL_DIR HOME_DIR NAME WEB_ROOT [JVM ARGUMENT...]
# Starts the stand-in: in the JVM that JRE_HOME names, or without one where that or JavaMail is missing.
mode=$1 inst_dir=$2 home_dir=$3 name=$4 web_root=$5
shift 5

umask 0027
mkdir -p "$home_dir/log" "$home_dir/shared" || exit 1
pid_file="$home_dir/log/$name.pid"
log="$home_dir/log/launcher.log"

# shellcheck source=/dev/null
. "$inst_dir/lib/standin/process.sh"

if [ -f "$pid_file" ] && running "$(cat "$pid_file")"; then
    echo "Already running with the process id $(cat "$pid_file")" >&2
    exit 1
fi

classes="$inst_dir/lib/standin"
missing=
if [ -z "$JRE_HOME" ] || [ ! -x "$JRE_HOME/bin/java" ]; then
    missing="Java"
elif [ ! -f "$web_root/WEB-INF/lib/javax.mail.jar" ]; then
    missing="JavaMail"
elif [ ! -f "$classes/Launcher.class" ]; then
    missing="the compiled launcher"
fi

# The home holds no Python, the install directory is not ours to write to.
PYTHONPATH="$inst_dir/lib/python"
PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE
cd "$home_dir" || exit 1

set_command() {
    mailer=$1
    shift
    if [ "$mailer" = jvm ]; then
        set -- "$JRE_HOME/bin/java" "$@" -classpath "$classes:$web_root/WEB-INF/lib/*" Launcher \
            "@PYTHON@" -P -m standin --install-dir "$inst_dir" --home "$home_dir" --mailer jvm
    else
        set -- "@PYTHON@" -P -m standin --install-dir "$inst_dir" --home "$home_dir" --mailer python -- "$@"
    fi
    if [ "$mode" = fg ]; then
        echo $$ >"$pid_file"
        exec "$@"
    fi
    nohup "$@" >>"$log" 2>&1 </dev/null &
    echo $! >"$pid_file"
}

if [ -n "$missing" ]; then
    say="WARN: $missing is missing: mail is sent without a JVM, with the same truststore. This is for the demo only."
    echo "$say"
    echo "$say" >>"$log"
    set_command python "$@"
else
    set_command jvm "$@"
fi
