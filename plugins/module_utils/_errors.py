# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one kind of error that our code expects to happen."""

from __future__ import annotations

import typing as t


class StashMailError(Exception):
    """Something that the operator can understand and put right.

    ``message`` says what is wrong and what to do. It never holds a secret, since it is shown as it is.
    ``details`` are further facts for the module's result, JSON-serialisable and without secrets.
    """

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.details = details
