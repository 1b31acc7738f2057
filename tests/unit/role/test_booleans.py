# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A variable of the type bool may be a text, as ``-e name=false`` and surveys of AWX give it: true to Jinja."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles" / "stash_mail"
# Options of modules, which convert them.
CONVERTED = {ROLE / "vars/main/options.yml"}
SPECS = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text("utf-8"))["argument_specs"].values()
NAMES = sorted({name for spec in SPECS for name, option in spec["options"].items() if option.get("type") == "bool"})


@pytest.mark.parametrize("name", NAMES)
def test_each_use_converts_it(name: str) -> None:
    use = re.compile(rf"(?:\{{\{{|\bif|\band|\bor|\bnot|when:|':|^\s+-) *{name}\b(?! \| bool)", re.MULTILINE)
    for folder in ("tasks", "vars"):
        for file in sorted((ROLE / folder).rglob("*.yml")):
            if file not in CONVERTED:
                assert not use.search(file.read_text("utf-8")), file
