# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mail settings' spellings, checks and password switches, and who may do what: the API without HTTP."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.standin import Settings, mailconfig
from tests.standin.api import Api
from tests.standin.api_types import NOTHING, Fault, Request, Response
from tests.standin.store import Account, Store
from tests.standin.users import Users

_SEEDS = [
    {"name": name, "password": f"{name}-pass:word", "permission": permission}
    for name, permission in (("root", "SYS_ADMIN"), ("admin", "ADMIN"), ("jane", "LICENSED_USER"))
]
_MAIL = "/rest/api/latest/admin/mail-server"
_CAMEL = {"hostname": "mail.lab", "port": 25, "useStartTls": True, "requireStartTls": True, "password": "secret"}
_HYPHEN = {"hostname": "mail.lab", "port": 25, "use-start-tls": True, "require-start-tls": True, "password": "secret"}


class Client:
    """Calls an API directly, and collects whom it would have mailed."""

    def __init__(self, home: Path, settings: Settings) -> None:
        (home / "shared").mkdir(exist_ok=True)
        (home / "standin-users.json").write_text(json.dumps({"users": _SEEDS}))
        store = Store(home)
        self.notified: list[Account] = []
        self.api = Api(settings, store, Users(settings, store, self.notified.append))

    def __call__(self, method: str, path: str, who: str = "root", body: object = None, **query: str) -> Response:
        credentials = base64.b64encode(f"{who}:{who}-pass:word".encode()).decode()
        headers = {"authorization": f"Basic {credentials}", "content-type": "application/json"}
        return self.api.handle(Request(method, path, query, headers, json.dumps(body).encode()))


def _client(home: Path, **switches: Any) -> Client:
    return Client(home, Settings(**switches))


@pytest.mark.parametrize(("style", "right", "wrong"), [("camel", _CAMEL, _HYPHEN), ("hyphen", _HYPHEN, _CAMEL)])
def test_the_other_spelling_is_ignored(
    tmp_path: Path, style: str, right: dict[str, object], wrong: dict[str, object]
) -> None:
    client = _client(tmp_path, key_style=style)
    flag = mailconfig.wire_key(Settings(key_style=style), "useStartTls")
    assert client("PUT", _MAIL, body=wrong).body[flag] is False
    assert client("PUT", _MAIL, body=right).body[flag] is True
    kept = client("GET", _MAIL).body
    assert kept == {key: value for key, value in right.items() if key != "password"} | {"protocol": "SMTP"}


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("returns", [True, False])
def test_password_switches(tmp_path: Path, keeps: bool, returns: bool) -> None:
    client = _client(tmp_path, keeps_password=keeps, returns_password=returns)
    client("PUT", _MAIL, body=_CAMEL)
    assert client("GET", _MAIL).body.get("password") == ("secret" if returns else None)
    client("PUT", _MAIL, body={"hostname": "other.lab"})
    stored = json.loads((tmp_path / "shared/standin-state.json").read_text())["mail"].get("password")
    assert stored == ("secret" if keeps else None)


@pytest.mark.parametrize(
    ("version", "switch", "status"),
    [("9.4.2", 0, 200), ("6.10.0", 0, 404), ("9.4.2", 404, 404), ("9.4.2", 204, 204), ("6.10.0", 200, 200)],
)
def test_unset_sender_address(tmp_path: Path, version: str, switch: int, status: int) -> None:
    client = _client(tmp_path, version=version, unset_sender_status=switch)
    answer = client("GET", f"{_MAIL}/sender-address", who="jane")
    assert answer.status == status
    assert (answer.body is NOTHING) == (status != 404)


def test_sender_address_is_shared_and_outlives_the_mail_server(tmp_path: Path) -> None:
    client = _client(tmp_path)
    client("PUT", _MAIL, body=_CAMEL | {"senderAddress": "a@lab.test"})
    assert client("GET", f"{_MAIL}/sender-address").body == "a@lab.test"
    assert client("PUT", f"{_MAIL}/sender-address", who="admin", body="b@lab.test").body == "b@lab.test"
    assert client("GET", _MAIL).body["senderAddress"] == "b@lab.test"
    assert client("DELETE", _MAIL).status == 204
    assert client("GET", f"{_MAIL}/sender-address").body == "b@lab.test"
    assert client("GET", _MAIL).status == 404


@pytest.mark.parametrize(
    ("body", "context"),
    [
        ({}, "hostname"),
        ({"hostname": "  "}, "hostname"),
        ({"hostname": 7}, "hostname"),
        ({"hostname": "h", "port": 0}, "port"),
        ({"hostname": "h", "port": 65536}, "port"),
        ({"hostname": "h", "port": True}, "port"),
        ({"hostname": "h", "port": "25"}, "port"),
        ({"hostname": "h", "protocol": "smtp"}, "protocol"),
        ({"hostname": "h", "useStartTls": "true"}, "useStartTls"),
        ({"hostname": "h", "senderAddress": "a@b\r\nRCPT TO:<x@y>"}, "senderAddress"),
        ([], None),
        ("text", None),
    ],
)
def test_400_names_the_field(tmp_path: Path, body: object, context: str | None) -> None:
    client = _client(tmp_path)
    answer = client("PUT", _MAIL, body=body)
    assert answer.status == 400
    assert [error["context"] for error in answer.body["errors"]] == [context]
    assert client("GET", _MAIL).status == 404


def test_oauth2_fields_exist_from_10_on(tmp_path: Path) -> None:
    oauth2 = {"hostname": "h", "authType": "OAUTH2", "oauth2ProviderId": "id", "tokenId": "t"}
    (tmp_path / "9").mkdir()
    (tmp_path / "10").mkdir()
    assert set(oauth2) & set(_client(tmp_path / "9", version="9.4")("PUT", _MAIL, body=oauth2).body) == {"hostname"}
    client = _client(tmp_path / "10", version="10.0")
    assert oauth2.items() <= client("PUT", _MAIL, body=oauth2).body.items()
    assert client("PUT", _MAIL, body=oauth2 | {"oauth2ProviderId": ""}).status == 400
    assert client("PUT", _MAIL, body={"hostname": "h"}).body["authType"] == "BASIC"


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*_CAMEL, *_HYPHEN]), st.booleans() | st.integers() | st.text() | st.none()))
def test_parse_accepts_or_names_a_known_field(body: dict[str, object]) -> None:
    settings = Settings(key_style="hyphen")
    refused: Response | None = None
    try:
        config = mailconfig.parse(settings, body)
    except Fault as fault:
        refused = fault.response
    if refused is not None:
        assert refused.status == 400
        assert {error["context"] for error in refused.body["errors"]} <= set(_HYPHEN)
    else:
        shown = mailconfig.show(settings, config, None)
        assert mailconfig.parse(settings, shown) == {k: v for k, v in config.items() if k != "password"}


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet=st.characters(categories=["Cc", "Zs", "Lo"]), min_size=1), st.integers(0, 10))
def test_addresses_with_blanks_controls_or_other_scripts_are_none(text: str, position: int) -> None:
    address = "jane@lab.test"
    assert mailconfig.is_address(address)
    assert not mailconfig.is_address(address[:position] + text + address[position:])


def test_users(tmp_path: Path) -> None:
    client = _client(tmp_path)
    path = "/rest/api/1.0/admin/users"
    new = {"name": "New", "displayName": "New User", "emailAddress": "new@lab.test", "notify": "true"}
    assert client("POST", path, "jane", **new).status == 401
    refused = client("POST", path, "admin", **new)
    assert refused.status == 409
    assert refused.body["errors"][0]["exceptionName"].endswith(".NoMailHostConfigurationException")
    client("PUT", _MAIL, body=_CAMEL)
    assert client("POST", path, "admin", **new).status == 204
    assert [account.email for account in client.notified] == ["new@lab.test"]
    assert client("POST", path, "admin", **(new | {"name": "nEW"})).status == 409
    assert client("POST", path, "admin", **(new | {"name": "x", "emailAddress": "x"})).status == 400
    assert client("POST", path, "admin", name="x").status == 400
    assert [user["name"] for user in client("GET", path, "jane", filter="ne").body["values"]] == ["New"]
    assert client("DELETE", path, "admin", name="new").body["name"] == "New"
    assert client("DELETE", path, "admin", name="new").status == 404
    assert client("DELETE", path, "admin", name="root").status == 403


def test_a_created_user_may_log_in_with_its_password_only(tmp_path: Path) -> None:
    client = _client(tmp_path)
    new = {"name": "new", "displayName": "N", "emailAddress": "n@lab.test", "password": "new-pass:word"}
    assert client("POST", "/rest/api/1.0/admin/users", **new).status == 204
    assert client("GET", "/rest/api/1.0/admin/users", who="new").status == 200
    assert "new-pass" not in (tmp_path / "shared/standin-state.json").read_text()


def test_an_access_token_is_its_accounts(tmp_path: Path) -> None:
    client = _client(tmp_path)
    users = tmp_path / "standin-users.json"
    known = json.loads(users.read_text())
    for user in known["users"]:
        user["token"] = f"of-{user['name']}"
    users.write_text(json.dumps(known))
    # None is configured yet, which a system administrator alone is told.
    told = {"SYS_ADMIN": 404, "ADMIN": 401, "LICENSED_USER": 401}
    for user in known["users"]:
        asked = Request("GET", _MAIL, headers={"authorization": f"Bearer {user['token']}"})
        assert client.api.handle(asked).status == told[user["permission"]]


@pytest.mark.parametrize("header", ["Bearer abc", "Basic", "Basic !", "Basic /w==", "Basic cm9vdDo="])
def test_bad_credentials(tmp_path: Path, header: str) -> None:
    answer = _client(tmp_path).api.handle(Request("GET", _MAIL, headers={"authorization": header}))
    assert answer.status == 401
    assert not answer.headers["WWW-Authenticate"].lower().startswith("basic")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"content-type": "text/plain"}, 403),
        ({"x-atlassian-token": "no-check"}, 401),
        ({"content-type": "application/json"}, 401),
    ],
)
def test_cross_site_check(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    request = Request("POST", "/rest/api/latest/admin/users", headers=headers)
    assert _client(tmp_path).api.handle(request).status == status


def test_paths_methods_and_media_types(tmp_path: Path) -> None:
    client = _client(tmp_path)
    assert client("GET", "/rest/api/2.0/admin/mail-server").status == 404
    assert client("GET", "/").status == 404
    answer = client("POST", _MAIL)
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET, PUT")
    credentials = base64.b64encode(b"root:root-pass:word").decode()
    headers = {"authorization": f"Basic {credentials}", "content-type": "text/plain"}
    assert client.api.handle(Request("PUT", _MAIL, headers=headers, body=b"{}")).status == 415
    properties = client.api.handle(Request("GET", "/rest/api/latest/application-properties")).body
    assert (properties["version"], properties["buildNumber"]) == ("9.4.2", "9004002")
