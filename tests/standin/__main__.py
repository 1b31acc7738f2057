# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from .server import main

raise SystemExit(main())
