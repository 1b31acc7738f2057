# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product's JVM, by what the options say and by what is known of the product."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import Setup

Params = t.Mapping[str, t.Any]


def product_setup(params: Params, product: Params) -> Setup:
    """The product's JVM, by what the probe's options say and the product's answer knows."""
    given = java_options(params["probe"] or {}, product)
    behind = (params["probe"] or {}).get("behind") or params["product"]["behind"]
    return Setup(given["java_home"], given["jvm_arguments"], given["account"], behind)


def java_options(asked: Params, product: Params) -> dict[str, t.Any]:
    """The options by which a module runs the product's JVM: as ``asked`` for, and by what is known of the product."""
    return {
        "java_home": asked.get("java_home") or (product.get("java") or {}).get("home"),
        "jvm_arguments": asked.get("jvm_arguments") or (product.get("process") or {}).get("arguments") or [],
        "account": asked.get("account") or product.get("user"),
    }
