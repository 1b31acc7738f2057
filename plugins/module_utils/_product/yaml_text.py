# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's YAML, read as compose and Helm read it, by PyYAML, which is imported where there is some to read."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

# What these have no numbers for: PyYAML takes 12:30 for 750, and dates for dates.
_DATE = "tag:yaml.org,2002:timestamp"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class Replacing(t.NamedTuple):
    """Compose's ``!override``: this takes the place of what the files before say. Of ``!reset`` nothing is left."""

    content: t.Any


def load_yaml(text: str, path: str, is_compose: bool = False) -> t.Any:
    """What a YAML file holds; :class:`StashMailError` where it is none, which never quotes it."""
    yaml = _library(path)
    try:
        return yaml.load(text, Loader=_loader(yaml, is_compose))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", at line {where.line + 1}" if where is not None else ""
        raise StashMailError(f"{path} is no YAML{line}: correct it.") from None


def dump_yaml(content: t.Any, path: str) -> str:
    """The text of a YAML file."""
    text = _library(path).safe_dump(content, sort_keys=False, width=1_000_000, default_flow_style=False)
    return str(text)


def _library(path: str) -> t.Any:
    try:
        import yaml
    except ImportError:
        raise StashMailError(
            f"{path} is read by Python's yaml, which is missing on this host: install it (python3-yaml, PyYAML) for "
            "the Python that Ansible uses here."
        ) from None
    return yaml


def _without_colon(pattern: t.Pattern[str]) -> t.Pattern[str]:
    return re.compile(rf"(?![^:]*:)(?:{pattern.pattern})", re.VERBOSE)


def _loader(yaml: t.Any, is_compose: bool) -> t.Any:
    resolvers = {
        first: [
            (tag, _without_colon(pattern) if tag in _NUMBERS else pattern) for tag, pattern in found if tag != _DATE
        ]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    loader: t.Any = type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": resolvers})

    def replacing(reader: t.Any, node: t.Any) -> Replacing:
        if isinstance(node, yaml.MappingNode):
            return Replacing(reader.construct_mapping(node, deep=True))
        if isinstance(node, yaml.SequenceNode):
            return Replacing(reader.construct_sequence(node, deep=True))
        return Replacing(reader.construct_scalar(node))

    if is_compose:
        loader.add_constructor("!override", replacing)
        loader.add_constructor("!reset", lambda _reader, _node: Replacing(None))
    return loader
