#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# The image has a Java to run with, none to compile with. For Java 8, so that one class serves every image.
set -eu
classes=$1/usr/local/src/stash_mail/classes
mkdir -p "$classes"
exec javac --release 8 -Xlint:-options -cp /usr/share/java/javax.mail.jar -d "$classes" tests/standin/Launcher.java
