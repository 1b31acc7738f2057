# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the product behind the REST API's URL is the one that was found on this host.

A reverse proxy or a load balancer may stand between, and a cluster's nodes may be of two versions for a while. So what
does not fit is said, and nothing is refused for it.
"""

from __future__ import annotations

import ipaddress
import os
import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.client import Bitbucket
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.options import client_of
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import properties

# Where a proxy on the same host would listen.
_OF_PROXIES = {80, 443, 8080, 8443}
_DEFAULT = "7990"
_PORT = re.compile(r"server\.(?:additional-connector\.\d+\.)?port")
_CONNECTOR = re.compile(r"<Connector\b[^>]{0,2000}?\bport=[\"'](\d{1,5})[\"']")
_ADVICE = (
    "If these are two products, the settings go into the one and the truststore is the other's: see "
    "stash_mail_bitbucket_url, and stash_mail_bitbucket_service or stash_mail_bitbucket_install_dir."
)


def mismatch(product: t.Mapping[str, t.Any], server: t.Mapping[str, t.Any]) -> str:
    """What does not fit, as a sentence; empty where all does, or where too little is known. ``server``: its options."""
    # In a container, its port and its files are others than those of this host.
    if not product.get("process") or not product.get("install_dir"):
        return ""
    here = f"the product that runs on this host ({product['install_dir']}, process {product['process']['pid']})"
    port, ports = _port_here(server["url"]), _ports(product)
    if port and ports and port not in ports | _OF_PROXIES:
        listed = " and ".join(map(str, sorted(ports)))
        return f"The settings are asked for at {server['url']}, and {here} listens on {listed}. {_ADVICE}"
    if not product.get("version"):
        return ""
    try:
        said = client_of(server, Bitbucket).properties()["version"]
    except StashMailError:
        return ""  # Who asks for the settings says it better.
    if all(a == b for a, b in zip(_numbers(said), _numbers(product["version"]))):
        return ""
    return f"{server['url']} says that it is version {said}, and {here} is {product['version']}. {_ADVICE}"


def _port_here(url: str) -> int | None:
    """The URL's port where its host is this one for certain, else None."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        is_here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return None
    return (parts.port or {"http": 80, "https": 443}.get(parts.scheme)) if is_here else None


def _ports(product: t.Mapping[str, t.Any]) -> set[int]:
    """The ports that the product listens on by its settings."""
    settings = _text(product["home"], "shared/bitbucket.properties")
    connectors = _text(product["install_dir"], "conf/server.xml")
    try:
        given = {name: value for name, value in properties.read(settings).items() if _PORT.fullmatch(name)}
    except StashMailError:
        return set()
    # Beside an additional connector there is always the first one.
    values = list({"server.port": _DEFAULT, **given}.values()) if given else []
    values += _CONNECTOR.findall(connectors)
    return {int(value) for value in values if value.strip().isdigit()}


def _text(folder: str | None, name: str) -> str:
    if not folder:
        return ""
    try:
        return _files.read_text_if_there(os.path.join(folder, name)) or ""
    except StashMailError:
        return ""


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)][:3]
