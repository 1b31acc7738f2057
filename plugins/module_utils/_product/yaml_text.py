# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a site's YAML, by PyYAML, which is imported where there is some to read."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError


def load_yaml(text: str, path: str) -> t.Any:
    """What a YAML file holds; :class:`StashMailError` where it is none, which never quotes it."""
    try:
        import yaml
    except ImportError:
        raise StashMailError(
            f"{path} is read by Python's yaml, which is missing on this host: install it (python3-yaml, PyYAML) for "
            "the Python that Ansible uses here."
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", at line {where.line + 1}" if where is not None else ""
        raise StashMailError(f"{path} is no YAML{line}: correct it.") from None
