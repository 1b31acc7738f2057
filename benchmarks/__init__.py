# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks, run by hand: `make bench-truststore` and `make bench-fleet` write docs/benchmarks.md."""
