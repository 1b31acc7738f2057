# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the settings' URL and the product on this host are said not to belong together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._plan import belonging


@pytest.fixture
def product(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/bitbucket.properties").write_text(
        "server.port = 7990\nserver.additional-connector.1.port=7991\n"
    )
    return {"process": {"pid": 7}, "install_dir": str(tmp_path), "home": str(tmp_path), "version": "9.4.2"}


@pytest.fixture(autouse=True)
def says(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the URL says of itself; empty: nothing of use."""
    said = {"version": "9.4.2"}

    class Rest:
        def properties(self) -> dict[str, str]:
            if not said:
                raise StashMailError("That is no Bitbucket.")
            return said

    monkeypatch.setattr(belonging, "client_of", lambda params, kind: Rest())
    return said


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:7990",
        "http://127.0.0.1:7991/bitbucket",
        "http://[::1]:7990",
        "https://localhost",
        "http://127.0.0.1:8080",
        "https://bitbucket.example.com:8999",
        "http://192.0.2.1:1",
    ],
)
def test_what_fits_or_could(product: dict[str, Any], url: str) -> None:
    assert belonging.mismatch(product, {"url": url}) == ""


def test_another_port(product: dict[str, Any], tmp_path: Path) -> None:
    text = belonging.mismatch(product, {"url": "http://localhost:7999"})
    assert f"at http://localhost:7999, and the product that runs on this host ({tmp_path}, process 7)" in text
    assert "listens on 7990 and 7991" in text
    assert "stash_mail_bitbucket_service" in text
    assert belonging.mismatch({**product, "process": None}, {"url": "http://localhost:7999"}) == ""
    (tmp_path / "shared/bitbucket.properties").write_text("server.port=\\u00zz\n")
    assert belonging.mismatch(product, {"url": "http://localhost:7999"}) == "", "its port is not known"
    (tmp_path / "shared/bitbucket.properties").unlink()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/server.xml").write_text("<Server port='8006'><Connector\n protocol='x' port=\"7995\"/></Server>")
    assert "listens on 7995." in belonging.mismatch(product, {"url": "http://localhost:7999"})


def test_beside_an_additional_connector_there_is_the_first_one(product: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "shared/bitbucket.properties").write_text("server.additional-connector.1.port=7991\n")
    assert belonging.mismatch(product, {"url": "http://localhost:7990"}) == ""
    assert "listens on 7990 and 7991." in belonging.mismatch(product, {"url": "http://localhost:7999"})


def test_a_product_in_a_container_is_not_known_by_its_files(
    product: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    contained = {**product, "install_dir": None}
    assert belonging.mismatch(contained, {"url": "http://localhost:17990"}) == ""
    # Nor is one without a known home by what lies where we are.
    assert belonging.mismatch({**product, "home": None}, {"url": "http://localhost:7999"}) == ""


def test_another_version(product: dict[str, Any], says: dict[str, str]) -> None:
    says["version"] = "8.19.1"
    text = belonging.mismatch(product, {"url": "https://bitbucket.example.com"})
    assert "https://bitbucket.example.com says that it is version 8.19.1, and" in text
    assert "is 9.4.2." in text


@pytest.mark.parametrize(("here", "there"), [("9.4", "9.4.2"), ("9.4.2", "9.4.2-rc1"), (None, "8.19.1"), ("9.4.2", "")])
def test_versions_that_fit_or_are_not_known(
    product: dict[str, Any], says: dict[str, str], here: str | None, there: str
) -> None:
    says.update(version=there) if there else says.clear()
    assert belonging.mismatch({**product, "version": here}, {"url": "https://bitbucket.example.com"}) == ""
