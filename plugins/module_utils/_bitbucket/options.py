# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that call Bitbucket's REST API, documented in ``bitbucket``."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.client import Bitbucket

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "url": {"type": "str", "required": True},
    "url_username": {"type": "str", "default": ""},
    # Raw, since a list would be taken as its text otherwise.
    "url_password": {"type": "raw", "no_log": True},
    "url_token": {"type": "raw", "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "float", "default": 30},
    "use_proxy": {"type": "bool", "default": False},
}

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
