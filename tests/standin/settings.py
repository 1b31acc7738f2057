# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one stand-in behaves: written by the installer to ``<install>/standin.json``, read at every start.

Nothing secret is in it. Each switch that stands for an unconfirmed behaviour of the product says so.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import write_atomically
from .product import Product

FILE_NAME = "standin.json"


@dataclass(frozen=True)
class Settings:
    """Settings of one install; ValueError names the field that cannot be used."""

    version: str = "9.4.2"
    bind: str = "127.0.0.1"
    port: int = 7990
    context_path: str = ""
    """Empty, or a path such as ``/bitbucket``."""
    tls_certificate: str = ""
    """PEM file; with ``tls_key`` the REST API is served over HTTPS."""
    tls_key: str = ""
    start_delay: float = 0.0
    """Seconds that ``/status`` says STARTING."""
    starting_status: int = 503
    """HTTP status of ``/status`` while STARTING: 503 or 200 (unconfirmed)."""
    key_style: str = "camel"
    """Spelling of the mail settings' keys: ``camel`` or ``hyphen`` (unconfirmed from 8.x on)."""
    returns_password: bool = False
    """Whether GET and PUT answer with the password (unconfirmed)."""
    keeps_password: bool = False
    """Whether a PUT without a password keeps the old one (unconfirmed)."""
    hides_oauth2_ids: bool = False
    """Whether GET and PUT answer without oauth2ProviderId and tokenId (unconfirmed)."""
    unset_sender_status: int = 0
    """GET sender-address while none is set: 200 or 204 without a body, or 404; 0: as documented for the version."""
    connect_timeout: float = 5.0
    """Seconds; the property ``mail.timeout.connect`` wins."""
    read_timeout: float = 5.0
    """Seconds for each read; the property ``mail.timeout.send`` wins."""
    database: str = ""
    """The file of what the nodes of a cluster have in common; empty: one in the home, for this node alone."""
    project_root: str = ""
    """A checkout of this project: its truststore reader serves the sender that needs no JVM."""

    def __post_init__(self) -> None:
        Product.of(self.version)
        if not 1 <= self.port <= 65535:
            raise ValueError(f"port {self.port} is not between 1 and 65535")
        if self.key_style not in ("camel", "hyphen"):
            raise ValueError(f"key style {self.key_style!r} is neither camel nor hyphen")
        if self.unset_sender_status not in (0, 200, 204, 404):
            raise ValueError(f"unset sender status {self.unset_sender_status} is none of 0, 200, 204, 404")
        if self.starting_status not in (200, 503):
            raise ValueError(f"starting status {self.starting_status} is neither 200 nor 503")
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("HTTPS needs both a TLS certificate and a TLS key")
        if self.context_path and (not self.context_path.startswith("/") or self.context_path.endswith("/")):
            raise ValueError(f"context path {self.context_path!r} must start with a slash and not end with one")
        for name in ("start_delay", "connect_timeout", "read_timeout"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")

    @property
    def product(self) -> Product:
        return Product.of(self.version)

    @property
    def sender_status(self) -> int:
        """What GET sender-address answers while none is set; from 9.x on no 404 is documented."""
        return self.unset_sender_status or (200 if self.product.numbers[0] >= 9 else 404)

    @property
    def url(self) -> str:
        """The base URL without a trailing slash."""
        host = "127.0.0.1" if self.bind in ("", "0.0.0.0") else self.bind  # noqa: S104 - compared, not bound
        host = f"[{host}]" if ":" in host else host
        scheme = "https" if self.tls_certificate else "http"
        return f"{scheme}://{host}:{self.port}{self.context_path}"

    def save(self, install_dir: Path) -> None:
        text = json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"
        write_atomically(install_dir / FILE_NAME, text, mode=0o644)

    @classmethod
    def load(cls, install_dir: Path, home: Path) -> Settings:
        """Read an install's settings; the product's properties file in the home wins where it speaks."""
        stored: dict[str, Any] = json.loads((install_dir / FILE_NAME).read_text("utf-8"))
        settings = cls(**stored)
        changes: dict[str, Any] = {}
        properties = read_properties(home / settings.product.properties_file)
        for key, field, convert in _PROPERTIES:
            if key in properties:
                changes[field] = convert(properties[key])
        return dataclasses.replace(settings, **changes)


_PROPERTIES: tuple[tuple[str, str, Any], ...] = (
    ("server.port", "port", int),
    ("server.address", "bind", str),
    ("mail.timeout.connect", "connect_timeout", float),
    ("mail.timeout.send", "read_timeout", float),
)


def read_properties(path: Path) -> dict[str, str]:
    """The plain ``key=value`` lines of a Java properties file; an absent file has none."""
    if not path.exists():
        return {}
    pairs = {}
    for line in path.read_text("latin-1").splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.lstrip().startswith(("#", "!")):
            pairs[key.strip()] = value.strip()
    return pairs
