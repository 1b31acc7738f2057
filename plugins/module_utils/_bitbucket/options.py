# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client that the options of the modules describe which call Bitbucket's REST API."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.client import Bitbucket


_Client = t.TypeVar("_Client", bound="Bitbucket")


def client_of(params: t.Mapping[str, t.Any], kind: type[_Client]) -> _Client:
    """Return a client of this ``kind``; raise :class:`StashMailError` naming the option that is wrong."""
    return kind(
        params["url"],
        params["url_username"],
        params["url_password"],
        token=params["url_token"],
        validate_certs=params["validate_certs"],
        ca_path=params["ca_path"],
        timeout=params["timeout"],
        use_proxy=params["use_proxy"],
    )
