# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the REST modules: one specification, one text."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible_collections.stashops.mail.plugins.doc_fragments import bitbucket
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.options import ARGUMENTS
from ansible_collections.stashops.mail.plugins.modules import stash_mail_notification, stash_mail_server

SHARED: dict[str, Any] = yaml.safe_load(bitbucket.ModuleDocFragment.DOCUMENTATION)["options"]


@pytest.mark.parametrize("module", [stash_mail_server, stash_mail_notification])
def test_each_is_documented_once_and_as_it_is(module: ModuleType) -> None:
    own: dict[str, Any] = yaml.safe_load(module.DOCUMENTATION)["options"]
    assert not set(SHARED) & set(own)
    documented = {**SHARED, **own}
    for name, specification in ARGUMENTS.items():
        for key in ("type", "required", "default"):
            assert documented[name].get(key) == specification.get(key), (name, key)
    assert set(SHARED) <= set(ARGUMENTS)
