# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of the vendor's Helm chart: what a site's files say together, and a further file with the truststore.

Of several files Helm takes a list from the last one that has it, so a site's other arguments, volumes and mounts are
repeated in ours.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product.start_script import (
    VARIABLE,
    TruststoreArguments,
    find_arguments,
    merge,
)
from ansible_collections.stashops.mail.plugins.module_utils._product.yaml_text import load_yaml

# Tells the truststore that a JVM was started with; a change of it makes the chart roll the pods.
MARK = "-Dstash_mail.truststore.sha256="
FILE = "cacerts"
_MAX_SIZE = 4 * 1024 * 1024
Values = t.Dict[str, t.Any]


class Chart(t.NamedTuple):
    """What a site's values say of the places that ours go to."""

    arguments: list[str]
    mounts: list[t.Any]
    volumes: list[t.Any]
    # The truststore's arguments in other variables of its environment.
    outside: list[str]


def read(files: t.Sequence[str]) -> Chart:
    """What the files say together, in their order; :class:`StashMailError` where ours would have no effect."""
    values: Values = {}
    for path in files:
        found = load_yaml(_files.read(path, _MAX_SIZE).decode("utf-8", "replace"), path)
        if found is not None and not isinstance(found, dict):
            raise StashMailError(f"{path} holds no values of a chart: it is no mapping.")
        values = _merge(values, found or {})
    product = _mapping(values, "bitbucket")
    _check_certificates(_mapping(product, "additionalCertificates"))
    variables = _list(product, "additionalEnvironmentVariables")
    _check_variables(variables)
    arguments = product.get("additionalJvmArgs") or []
    if isinstance(arguments, str):
        arguments = [arguments]
    return Chart(
        [word for item in arguments for word in str(item).split()],
        _list(product, "additionalVolumeMounts"),
        _list(_mapping(values, "volumes"), "additional"),
        [word for item in variables if isinstance(item, dict) for word in find_arguments(str(item.get("value")))],
    )


def with_truststore(chart: Chart, name: str, folder: str, sha256: str, outside: t.Sequence[str] = ()) -> Values:
    """The values of a further file: the Secret ``name`` in ``folder``, and the JVM pointed at it.

    ``outside`` are the truststore's arguments that the JVM gets from elsewhere than the site's values.
    """
    _check_volumes(chart.volumes, name)
    mounts = [item for item in chart.mounts if not _is(item, "name", name)]
    for item in mounts:
        if isinstance(item, dict) and str(item.get("mountPath")).rstrip("/") == folder:
            raise StashMailError(
                f"The site's values mount {item.get('name')} at {folder} already: set mount_path to another folder."
            )
    given = [word for word in chart.arguments if not word.startswith(MARK)]
    ours = merge(given, TruststoreArguments(f"{folder}/{FILE}"), [*chart.outside, *outside])
    volume = {"name": name, "secret": {"secretName": name, "optional": False}}
    return {
        "bitbucket": {
            "additionalJvmArgs": [*ours, MARK + sha256],
            "additionalVolumeMounts": [*mounts, {"name": name, "mountPath": folder, "readOnly": True}],
        },
        "volumes": {"additional": [*(item for item in chart.volumes if not _is(item, "name", name)), volume]},
    }


def _merge(values: Values, further: Values) -> Values:
    """As Helm does it: mappings are merged, null takes a key out, all else replaces."""
    merged = dict(values)
    for key, value in further.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value)
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged


def _check_certificates(certificates: Values) -> None:
    if certificates.get("secretName") or certificates.get("secretList"):
        raise StashMailError(
            "The site's values set bitbucket.additionalCertificates, for which the chart gives the JVM a truststore of "
            "its own after all other arguments, and the last one wins: the managed truststore would have no effect. "
            "Take it out of the values, and name its certificates in certificates (stash_mail_certificates) beside the "
            "mail server's; or put the mail server's CA into its Secret, and leave stash_mail_certificates empty."
        )


def _check_volumes(volumes: t.Sequence[t.Any], name: str) -> None:
    for item in volumes:
        if _is(item, "name", name) and not _is(item.get("secret"), "secretName", name):
            raise StashMailError(
                f"The site's values have a volume {name} of their own in volumes.additional, which would be lost: "
                "set name (stash_mail_kubernetes_name) to another one."
            )


def _check_variables(variables: t.Sequence[t.Any]) -> None:
    for item in variables:
        if _is(item, "name", VARIABLE):
            raise StashMailError(
                f"The site's values set {VARIABLE} in bitbucket.additionalEnvironmentVariables, which wins over "
                "bitbucket.additionalJvmArgs: move its arguments there."
            )
        if _is(item, "name", "_JAVA_OPTIONS") and find_arguments(str(item.get("value"))):
            raise StashMailError(
                "The site's values give a truststore in _JAVA_OPTIONS of bitbucket.additionalEnvironmentVariables, and "
                "that wins over every argument: take it out, and name its certificates in certificates "
                "(stash_mail_certificates)."
            )


def _mapping(values: Values, key: str) -> Values:
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def _list(values: Values, key: str) -> list[t.Any]:
    found = values.get(key)
    return found if isinstance(found, list) else []


def _is(item: t.Any, key: str, value: str) -> bool:
    return isinstance(item, dict) and item.get(key) == value
