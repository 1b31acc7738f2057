# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the product's versions: names, paths, layout, fields."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """One version of the product, for example ``Product.of("9.4.2")``."""

    version: str
    numbers: tuple[int, int, int]

    @classmethod
    def of(cls, version: str) -> Product:
        """Parse ``MAJOR.MINOR[.PATCH]``; ValueError says what is wrong."""
        match = re.fullmatch(r"(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?", version)
        if match is None:
            raise ValueError(f"version {version!r} is not MAJOR.MINOR or MAJOR.MINOR.PATCH, for example 9.4.2")
        major, minor, patch = (int(part or 0) for part in match.groups())
        return cls(version, (major, minor, patch))

    @property
    def is_stash(self) -> bool:
        """Up to 3.x the product was called Stash."""
        return self.numbers[0] <= 3

    @property
    def name(self) -> str:
        """``stash`` or ``bitbucket``: part of the names of files, scripts and services."""
        return "stash" if self.is_stash else "bitbucket"

    @property
    def display_name(self) -> str:
        return self.name.capitalize()

    @property
    def home_variable(self) -> str:
        return f"{self.name.upper()}_HOME"

    @property
    def layout(self) -> str:
        """``setenv`` (``bin/setenv.sh``, up to 4.x) or ``webapp`` (``bin/_start-webapp.sh``, from 5.0)."""
        return "webapp" if self.numbers[0] >= 5 else "setenv"

    @property
    def jvm_args_file(self) -> str:
        """Where the line ``JVM_SUPPORT_RECOMMENDED_ARGS=`` stands, relative to the install directory."""
        return "bin/_start-webapp.sh" if self.layout == "webapp" else "bin/setenv.sh"

    @property
    def web_root(self) -> str:
        """The directory holding ``WEB-INF``, relative to the install directory."""
        return "app" if self.layout == "webapp" else f"atlassian-{self.name}"

    @property
    def pid_file(self) -> str:
        """Relative to the home directory."""
        return f"log/{self.name}.pid"

    @property
    def properties_file(self) -> str:
        """Relative to the home directory."""
        return f"shared/{'stash-config' if self.is_stash else 'bitbucket'}.properties"

    @property
    def service(self) -> str:
        return f"atl{self.name}"

    @property
    def build_number(self) -> str:
        """As the product counts builds: 9.4.2 is 9004002."""
        major, minor, patch = self.numbers
        return f"{major}{minor:03d}{patch:03d}"

    @property
    def has_oauth2_mail(self) -> bool:
        """From 10.0 the mail settings carry authType, oauth2ProviderId and tokenId."""
        return self.numbers[0] >= 10

    @property
    def exceptions(self) -> str:
        """The package of the exceptions named in error bodies."""
        return f"com.atlassian.{self.name}"
