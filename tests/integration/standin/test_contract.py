# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in against the vendor's OpenAPI documents: status codes, media types, bodies, field names.

The documents are not part of this project; without them beside the checkout these tests skip.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.standin import Settings, Standin
from tests.standin.runner import Answer, Credentials

_ROOT = Path(__file__).resolve().parents[3]
_DOCUMENTS = _ROOT.parent / "shared/reference/openapi-mail.json"
_SPECS: dict[str, Any] = json.loads(_DOCUMENTS.read_text("utf-8"))["specs"] if _DOCUMENTS.exists() else {}
_MAIL = "/api/latest/admin/mail-server"
_SENDER = f"{_MAIL}/sender-address"
_CONFIG = {"hostname": "mail.lab.test", "port": 587, "protocol": "SMTP", "useStartTls": True, "requireStartTls": True}

pytestmark = pytest.mark.skipif(not _SPECS, reason=f"the OpenAPI documents are not at ../{_DOCUMENTS.parts[-3]}/...")


@pytest.fixture(scope="module")
def standins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Standin]]:
    """One running stand-in for each version asked for. No mail is sent here, so no JVM is needed."""
    running: dict[str, Standin] = {}

    def get(version: str) -> Standin:
        if version not in running:
            standin = Standin(tmp_path_factory.mktemp("contract"), Settings(version=version), java=False)
            running[version] = standin.__enter__()
        return running[version]

    yield get
    for standin in running.values():
        standin.stop()


@dataclass(frozen=True)
class Operation:
    """One method of one path in one version's document."""

    version: str
    path: str
    method: str

    @property
    def responses(self) -> dict[str, Any]:
        responses: dict[str, Any] = _SPECS[self.version]["paths"][self.path][self.method]["responses"]
        return responses

    def __str__(self) -> str:
        return f"{self.version}-{self.method}-{self.path.rpartition('/')[2]}"


_OPERATIONS = [
    Operation(version, path, method)
    for version, spec in _SPECS.items()
    for path, methods in spec.get("paths", {}).items()
    for method in methods
]
_DOCUMENTED = [(operation, int(code)) for operation in _OPERATIONS for code in operation.responses]


def _components(version: str) -> dict[str, Any]:
    """The schemas by their plain names, closed: a field that is not in the document is a fault."""
    schemas = {name.rpartition("/")[2]: copy.deepcopy(schema) for name, schema in _SPECS[version]["schemas"].items()}
    if "RestMailConfiguration" not in schemas:
        # The extract of 10.3 refers to this schema without holding it; its PUT body spells it out.
        body = _SPECS[version]["paths"][_MAIL]["put"]["requestBody"]["content"]["application/json"]["schema"]
        schemas["RestMailConfiguration"] = copy.deepcopy(body)
    for schema in schemas.values():
        schema["additionalProperties"] = False
    if "RestErrorMessage" in schemas:
        # The product is known to send null for context and exceptionName, which its document does not say.
        for field in schemas["RestErrorMessage"]["properties"].values():
            field["type"] = [field["type"], "null"]
        schemas["RestErrorMessage"]["required"] = ["context", "message", "exceptionName"]
    return schemas


def _check(operation: Operation, answer: Answer) -> None:
    """The answer is one that the document describes, body and media type included."""
    documented = operation.responses
    assert str(answer.status) in documented, f"{answer.status} is not documented for {operation}: {answer.body}"
    content = documented[str(answer.status)].get("content")
    if content is None or answer.body is None:
        # The one empty body with a documented media type is that of a sender address that is not set.
        assert answer.body is None
        assert content is None or (operation.path == _SENDER and answer.status == 200)
        return
    media_types = {media_type.partition(";")[0] for media_type in content}
    assert answer.headers["Content-Type"].partition(";")[0] in media_types
    schema = next(iter(content.values())).get("schema")
    if schema is None:
        assert isinstance(answer.body, str)
        return
    document = {**schema, "components": {"schemas": _components(operation.version)}}
    jsonschema.Draft202012Validator(document).validate(answer.body)
    if answer.status >= 400:
        assert answer.body["errors"]


def _call(standin: Standin, operation: Operation, who: Credentials | None, body: object = None) -> Answer:
    return standin.call(operation.method.upper(), f"/rest{operation.path}", who, body)


def _good_body(operation: Operation) -> object:
    if operation.method != "put":
        return None
    return _CONFIG if operation.path == _MAIL else "stash@lab.test"


@pytest.mark.parametrize(("operation", "code"), _DOCUMENTED, ids=lambda value: str(value))
def test_every_documented_status_is_produced(
    standins: Callable[[str], Standin], operation: Operation, code: int
) -> None:
    standin = standins(operation.version)
    assert standin.configure_mail(_CONFIG | {"senderAddress": "stash@lab.test"}).status == 200
    match code:
        case 200 | 204:
            answer = _call(standin, operation, standin.sysadmin, _good_body(operation))
        case 400:
            bad = {**_CONFIG, "port": 0} if operation.path == _MAIL else "no address"
            answer = _call(standin, operation, standin.sysadmin, bad)
        case 401:
            answer = _call(standin, operation, None, _good_body(operation))
        case 404:
            standin.call("DELETE", f"/rest{operation.path}", standin.sysadmin)
            answer = _call(standin, operation, standin.sysadmin)
        case _:
            pytest.fail(f"nothing here produces the documented status {code}")
    assert answer.status == code
    _check(operation, answer)


@pytest.mark.parametrize("operation", _OPERATIONS, ids=str)
def test_401_for_wrong_credentials_and_for_missing_permission(
    standins: Callable[[str], Standin], operation: Operation
) -> None:
    standin = standins(operation.version)
    needs_sys_admin = operation.path == _MAIL
    refused: list[Credentials | None] = [None, Credentials("sysadmin", "wrong"), Credentials("nobody", "")]
    if needs_sys_admin:
        refused.append(standin.admin)
    if needs_sys_admin or operation.method != "get":
        refused.append(standin.user)
    for who in refused:
        answer = _call(standin, operation, who, _good_body(operation))
        assert answer.status == 401
        _check(operation, answer)
    allowed = standin.sysadmin if needs_sys_admin else standin.admin
    assert standin.configure_mail(_CONFIG).status == 200
    assert _call(standin, operation, allowed, _good_body(operation)).status in (200, 204)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = ("hostname", "port", "protocol", "useStartTls", "requireStartTls", "username", "password", "senderAddress")
_BODIES = (
    st.fixed_dictionaries(
        {},
        optional={
            "hostname": st.just("mail.lab.test") | _JSON,
            "port": st.integers(-1, 70000) | _JSON,
            "protocol": st.sampled_from(["SMTP", "SMTPS", "smtp", "IMAP"]) | _JSON,
            **{field: st.booleans() | st.just("a@lab.test") | _JSON for field in (*_FIELDS[3:], "authType", "tokenId")},
        },
    ).map(lambda body: json.dumps(body).encode())
    | _JSON.map(lambda body: json.dumps(body).encode())
    | st.binary(max_size=60)
)


@pytest.mark.parametrize("version", [version for version, spec in _SPECS.items() if spec.get("paths")])
@hypothesis_settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(data=st.data())
def test_no_undocumented_answer(standins: Callable[[str], Standin], version: str, data: st.DataObject) -> None:
    standin = standins(version)
    operation = data.draw(st.sampled_from([o for o in _OPERATIONS if o.version == version]))
    who = data.draw(st.sampled_from([standin.sysadmin, standin.admin, None, Credentials("sysadmin", "wrong")]))
    raw = data.draw(_BODIES) if operation.method == "put" else None
    answer = standin.call(operation.method.upper(), f"/rest{operation.path}", who, raw=raw)
    _check(operation, answer)


@pytest.mark.parametrize("version", list(_SPECS))
def test_every_documented_field_is_kept(standins: Callable[[str], Standin], version: str) -> None:
    fields = _components(version)["RestMailConfiguration"]["properties"]
    by_type: dict[str, Any] = {"string": "text", "boolean": True}
    config = {
        name: schema["enum"][-1] if "enum" in schema else by_type.get(schema["type"], 465)
        for name, schema in fields.items()
    } | {"senderAddress": "stash@lab.test"}
    standin = standins(version)
    put = standin.configure_mail(config)
    assert put.status == 200
    got = standin.call("GET", f"/rest{_MAIL}", standin.sysadmin).body
    assert got == put.body
    del config["password"]
    assert got == config
    assert ("authType" in got) == (int(version.partition(".")[0]) >= 10)
