# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034 # sourced by setup.sh
name=stash
version=3.11.6
key_style=hyphen
