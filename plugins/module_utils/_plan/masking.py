# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a call's parameters holds secrets under names of the user's choice."""

from __future__ import annotations

import typing as t


def masked(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Those of the parameters that may hold such secrets, as they may be shown."""
    asked = params["properties"]
    if not asked:
        return {}
    from ansible_collections.stashops.mail.plugins.module_utils._product import properties_file

    return {"properties": {**asked, "properties": properties_file.masked(asked["properties"])}}
