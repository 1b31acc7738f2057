# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for Stash and Bitbucket: the mail REST API, the start scripts, and mail sent by a real JVM.

One implementation serves ``make demo``, the integration tests and the Molecule container. It is laid out by
``install.py`` as the product lays itself out; what it does where the product's behaviour is not known is a
switch in :class:`~.settings.Settings`.
"""

from __future__ import annotations

from .runner import Standin
from .settings import Settings

__all__ = ["Settings", "Standin"]
