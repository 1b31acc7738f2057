#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced with inst_dir set.

# Whether the process $1 lives and is one of this install.
running() {
    [ -r "/proc/$1/stat" ] || return 1
    # A zombie has ended: who should have waited for it does not matter here.
    case "$(sed 's/^.*) //' "/proc/$1/stat")" in
        Z*) return 1 ;;
    esac
    tr '\0' '\n' <"/proc/$1/cmdline" | grep -qF "${inst_dir:?}"
}
