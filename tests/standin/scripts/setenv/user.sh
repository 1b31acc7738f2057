#!/bin/sh
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced. The user to run as; empty for whoever starts it.
PRODUCT_USER="@USER@"
export PRODUCT_USER
