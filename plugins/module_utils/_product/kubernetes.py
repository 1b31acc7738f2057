# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A product of the vendor's Helm chart: the truststore as the manifest of a Secret, and the values that mount it."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._product import behind, chart, process, start_script
from ansible_collections.stashops.mail.plugins.module_utils._product.yaml_text import dump_yaml, load_yaml
from ansible_collections.stashops.mail.plugins.module_utils._secrets import mask_argument, printable

HEADER = "# Written by Ansible (stash_mail): changes in here are lost.\n"
# In a manifest that is not as wanted for this alone, so that a run that dies before it is applied is made up for.
UNAPPLIED = "# Not applied yet.\n"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# What the API server takes in a Secret.
_MAX_SECRET = 1024 * 1024
_MAX_TEXT = 8 * 1024 * 1024


def run(host: Host, params: t.Mapping[str, t.Any], truststore: bytes | None = None) -> dict[str, t.Any]:
    """Do what the parameters of stash_mail_kubernetes ask for; returns its result, or raises :class:`StashMailError`.

    ``truststore`` is the file as it would be, where it is not written yet.
    """
    params = {**params, "mount_path": _folder(params["mount_path"])}
    before = {path: _read_ours(path, params["state"]) for path in (params["values"], params["manifest"])}
    running = behind.find_if_there(params["behind"])[0].process if params["behind"] else None
    our_paths = {path_there(params), *_former_paths(running)}
    arguments: list[str] = []
    foreign = None
    after: dict[str, str | None] = dict.fromkeys(before)
    if params["state"] == "present":
        data = truststore if truststore is not None else _files.read(params["truststore"], _MAX_TEXT)
        site = chart.read(_site_files(params))
        known = [*site.arguments, *_arguments(before[params["values"]])]
        unseen = start_script.unseen(running.arguments if running else (), our_paths, [*known, *site.outside])
        values = _values(site, data, params, unseen)
        arguments = values["bitbucket"]["additionalJvmArgs"]
        foreign = _foreign([*site.outside, *site.arguments], params)
        after = {
            params["values"]: _dump(values, params["values"]),
            params["manifest"]: _dump(_secret(data, params), params["manifest"]),
        }
    if running and running.truststore and running.truststore.argument not in our_paths and not foreign:
        foreign = running.truststore.argument
    changes = {path: text for path, text in after.items() if text != before[path]}
    result: dict[str, t.Any] = {
        "changed": bool(changes),
        "path": params["values"],
        "manifest": params["manifest"],
        "method": "helm",
        "method_reason": "The product is one of the vendor's Helm chart.",
        "arguments": [mask_argument(argument) for argument in arguments],
        "restart_needed": _restart_needed(running, arguments, our_paths, params) if running else bool(changes),
        "foreign_truststore": foreign,
        "process": process.describe(running),
    }
    if host.shows_diff:
        result["diff"] = [_difference(path, before[path], after[path]) for path in changes]
    if changes and not params["applied"] and after[params["manifest"]] is not None:
        changes[params["manifest"]] = f"{UNAPPLIED}{after[params['manifest']]}"
    if not host.check_mode:
        for path, text in changes.items():
            _write(host, path, text)
    return result


def _folder(path: str) -> str:
    folder = f"/{os.path.normpath(path).lstrip('/')}" if path.startswith("/") else path
    if folder == "/":
        raise StashMailError("mount_path / is the container's whole file system: name a folder in it.")
    return folder


def _site_files(params: t.Mapping[str, t.Any]) -> list[str]:
    """The site's files of values; ours among them says nothing of the site."""
    if params["values_files"] is None:
        raise StashMailError(
            "values_files (stash_mail_kubernetes_values_files) is not set, and of a list Helm takes what its last file "
            "says: name the site's files, whose arguments, mounts and volumes are to be kept, or set it to [] where "
            "there are none."
        )
    ours = os.path.realpath(params["values"])
    return [path for path in params["values_files"] if os.path.realpath(path) != ours]


def _values(site: chart.Chart, data: bytes, params: t.Mapping[str, t.Any], unseen: t.Sequence[str]) -> chart.Values:
    folder = params["mount_path"]
    start_script.check_arguments(start_script.TruststoreArguments(path_there(params)))
    if folder == "/var/ssl":
        raise StashMailError("mount_path /var/ssl is where the chart has its own truststore: name another folder.")
    return chart.with_truststore(site, params["name"], folder, hashlib.sha256(data).hexdigest(), unseen)


def _secret(data: bytes, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    for option in ("name", "namespace"):
        if (option == "name" or params[option]) and not _NAME.fullmatch(params[option]):
            raise StashMailError(
                f"{option} {params[option]!r} is no name in Kubernetes: use up to 63 of a-z, 0-9 and -, with a letter "
                "or a digit first and last."
            )
    if len(data) > _MAX_SECRET:
        raise StashMailError(
            f"The truststore has {len(data)} bytes, and a Secret takes {_MAX_SECRET}: build it on a smaller base, or "
            "on none."
        )
    namespace = {"namespace": params["namespace"]} if params["namespace"] else {}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": params["name"],
            **namespace,
            "labels": {"app.kubernetes.io/managed-by": "stash_mail"},
        },
        "type": "Opaque",
        "data": {chart.FILE: base64.b64encode(data).decode("ascii")},
    }


def path_there(params: t.Mapping[str, t.Any]) -> str:
    """Where the truststore is in the container."""
    return f"{params['mount_path']}/{chart.FILE}"


def _former_paths(running: process.Process | None) -> list[str]:
    """Where it was when the process was started: the last path before the truststore's mark, which is ours alone."""
    words = list(running.arguments) if running else []
    marks = [number for number, word in enumerate(words) if word.startswith(chart.MARK)]
    paths = _paths(words[: marks[-1]]) if marks else []
    return paths[-1:]


def _foreign(arguments: t.Sequence[str], params: t.Mapping[str, t.Any]) -> str | None:
    """A truststore that the site's values name."""
    paths = _paths(arguments)
    return paths[-1] if paths and paths[-1] != path_there(params) else None


def _paths(arguments: t.Sequence[str]) -> list[str]:
    prefix = start_script.PATH_ARGUMENT
    return [word[len(prefix) :] for word in arguments if word.startswith(prefix)]


def _restart_needed(
    running: process.Process,
    arguments: t.Sequence[str],
    our_paths: t.Container[str],
    params: t.Mapping[str, t.Any],
) -> bool:
    """Whether the JVM was started with another truststore, or another state of it, than it would be now."""
    if params["state"] == "absent":
        return running.truststore is not None and running.truststore.argument in our_paths
    wanted = start_script.TruststoreArguments(path_there(params))
    return not wanted.is_met_by(running.trust_arguments) or arguments[-1] not in running.arguments


def _read_ours(path: str, state: str) -> str | None:
    text = _files.read_text_if_there(path, _MAX_TEXT)
    if text is None or text.startswith((HEADER, UNAPPLIED + HEADER)):
        return text
    if state == "absent":
        return None
    raise StashMailError(
        f"{path} was not written by stash_mail and would be overwritten. Name another path, or move that file away."
    )


def _dump(content: t.Mapping[str, t.Any], path: str) -> str:
    return HEADER + dump_yaml(content, path)


def _difference(path: str, before: str | None, after: str | None) -> dict[str, str]:
    texts = (_shown(path, text) for text in (before, after))
    return {"before_header": path, "after_header": path, **dict(zip(("before", "after"), texts))}


def _arguments(text: str | None) -> list[str]:
    """The JVM's arguments in values of ours."""
    found = load_yaml(text, "values") if text else {}
    product = found.get("bitbucket") if isinstance(found, dict) else None
    words = product.get("additionalJvmArgs") if isinstance(product, dict) else None
    return [str(word) for word in words] if isinstance(words, list) else []


def _shown(path: str, text: str | None) -> str:
    """What a file says of us: a site's own arguments may be secrets."""
    found = load_yaml(text, path) if text else {}
    if not isinstance(found, dict):
        return ""
    lines = [mask_argument(word) for word in _arguments(text)]
    if found.get("kind") == "Secret":
        data = str((found.get("data") or {}).get(chart.FILE, ""))
        lines = [f"a Secret with a truststore of {len(data) * 3 // 4} bytes, SHA-256 of its text {_sha256(data)}"]
    return "".join(f"{printable(line)}\n" for line in lines)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("ascii", "replace")).hexdigest()


def _write(host: Host, path: str, text: str | None) -> None:
    if text is None:
        _files.remove(path)
        return
    _files.make_folder(os.path.dirname(path))
    _files.replace(path, text.encode("utf-8"), mode=0o600, prepare=_files.keep_context(host.module, path))
