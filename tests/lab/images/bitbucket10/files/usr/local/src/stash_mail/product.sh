# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034 # sourced by setup.sh
name=bitbucket
version=10.0.2
key_style=camel
