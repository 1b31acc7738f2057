# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which truststore the product's JVM goes, as a path where that JVM is asked: in its container, or on this host."""

from __future__ import annotations

import typing as t

Params = t.Mapping[str, t.Any]


def managed(params: Params) -> str | None:
    """Path of the truststore that the plan is about, None where it is about none."""
    charted, jvm, truststore = params["kubernetes"], params["jvm"] or {}, params["truststore"] or {}
    if charted and not params["managed"]:
        from ansible_collections.stashops.mail.plugins.module_utils._product.kubernetes import path_there

        return path_there(charted) if charted["behind"] else charted["truststore"]
    return (params["managed"] or {}).get("path") or jvm.get("truststore") or truststore.get("path")


def in_force(params: Params, product: Params, *, afterwards: bool) -> str | None:
    """Path of the truststore that the JVM uses, or with ``afterwards`` will use once all is as wanted; None: its own.

    ``product`` is what was found. What a process was told counts, and what it would be told only where none is seen.
    """
    charted = params["kubernetes"]
    asked = params["managed"] or charted or params["jvm"] or {"state": "absent"}
    is_wanted = asked["state"] == "present"
    # What runs beside Helm is another product than the one in the pods.
    process = None if charted and not charted["behind"] else product.get("process")
    if not process or (afterwards and is_wanted):
        return managed(params) if is_wanted else None
    path: str | None = process.get("truststore")
    return None if afterwards and path == managed(params) else path
