# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX does with docs/awx: how it checks a credential type, fills in its injectors, and hands variables to a job.

As AWX 24 has it in ``awx/main/fields.py``, ``awx/main/models/credential.py`` and ``awx/main/utils/safe_yaml.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import StrictUndefined, sandbox

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "awx"
_NAME = "^[a-zA-Z_]+[a-zA-Z0-9_]*$"
INPUTS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "required": {"type": "array", "items": {"type": "string"}},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "type": {"enum": ["string", "boolean"]},
                    "format": {"enum": ["ssh_private_key", "url"]},
                    "choices": {"type": "array", "minItems": 1, "items": {"type": "string"}, "uniqueItems": True},
                    "id": {"type": "string", "pattern": _NAME, "not": {"const": "tower"}},
                    "label": {"type": "string"},
                    "help_text": {"type": "string"},
                    "multiline": {"type": "boolean"},
                    "secret": {"type": "boolean"},
                    "ask_at_runtime": {"type": "boolean"},
                    "default": {},
                },
                "additionalProperties": False,
                "required": ["id", "label"],
            },
        },
    },
}
INJECTORS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "extra_vars": {
            "type": "object",
            "patternProperties": {
                _NAME: {"anyOf": [{"type": "string"}, {"type": "array"}, {"$ref": "#/properties/extra_vars"}]}
            },
            "additionalProperties": False,
        },
    },
}


class _Loader(yaml.SafeLoader):
    """YAML with Ansible's ``!unsafe``, whose text stays as it is."""


_Loader.add_constructor("!unsafe", lambda loader, node: str(node.value))


class _Unsafe(yaml.SafeDumper):
    """Every text as ``!unsafe``, so that Ansible takes nothing in it for a template."""

    def represent_data(self, data: Any) -> yaml.Node:
        if isinstance(data, str):
            return self.represent_scalar("!unsafe", data)
        return super().represent_data(data)


def load(name: str) -> Any:
    """A YAML file of docs/awx."""
    return yaml.load((FOLDER / name).read_text("utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader's child


def credential_type(name: str) -> dict[str, Any]:
    """The one of this name."""
    types = {item["name"]: item for item in load("credential_types.yml")["awx_credential_types"]}
    return dict(types[name])


def inject(kind: Mapping[str, Any], **inputs: str) -> dict[str, Any]:
    """The variables that a credential of this type gives to a job; fields that were left empty are not defined."""
    return dict(_rendered(kind["injectors"]["extra_vars"], {k: v for k, v in inputs.items() if v}, {}))


def inject_strictly(kind: Mapping[str, Any]) -> dict[str, Any]:
    """The same with every field given, and an error for any other: what AWX tries before it takes the type."""
    given = {field["id"]: field.get("default", "EXAMPLE") for field in kind["inputs"]["fields"]}
    return dict(_rendered(kind["injectors"]["extra_vars"], given, {"undefined": StrictUndefined}))


def _rendered(node: Any, inputs: Mapping[str, str], options: dict[str, Any]) -> Any:
    if isinstance(node, dict):
        return {name: _rendered(value, inputs, options) for name, value in node.items()}
    return sandbox.ImmutableSandboxedEnvironment(**options).from_string(node).render(**inputs)


def dump(variables: Mapping[str, Any]) -> str:
    """The file of extra variables that a job gets."""
    return yaml.dump(dict(variables), Dumper=_Unsafe, default_flow_style=False)
