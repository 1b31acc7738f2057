# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How every module ends: nothing unexpected is shown by its text, and no password changes what a result says."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host, finish
from ansible_collections.stashops.mail.plugins.module_utils._secrets import MASK, Redactor

from tests.ansible_module import patch_module_args

ROOT = Path(__file__).resolve().parents[2]
SPEC: dict[str, Any] = {
    "host": {"type": "str", "default": "mail.example.com"},
    "username": {"type": "str"},
    "password": {"type": "raw", "no_log": True},
    "message": {
        "type": "dict",
        "options": {
            "imap": {
                "type": "dict",
                "options": {"username": {"type": "str"}, "password": {"type": "str", "no_log": True}},
            }
        },
    },
}
SECRET = "Geheim-31-lang"
# Words of ours, and what is part of every text.
WEAK = [
    "plain",
    "deliver",
    "deliver_plaintext",
    "starttls_required",
    "e",
    "true",
    "True",
    "1",
    "25",
    "RUNNING",
    "sha256",
]
RESULT: dict[str, Any] = {
    "changed": True,
    "outcome": "deliver_plaintext",
    "delivers": True,
    "state": "RUNNING",
    "port": 25,
    "count": 1,
    "modes": {"plain": {"would": "deliver", "tried": True}, "starttls_required": {"would": "refuse"}},
    "mail_server": {"before": {"host": "mail.example.com", "security": "plain", "username": "deliver"}},
    "chain": [{"sha256": "1e" * 32, "subject": "CN=mail"}],
}
Run = Callable[[Host, Any], dict[str, Any]]


@pytest.fixture
def ended(capfd: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Ends a module by ``finish`` with this logic and these parameters; returns what Ansible would get."""

    def end(run: Run, **params: Any) -> dict[str, Any]:
        with patch_module_args(params), pytest.raises(SystemExit):
            finish(AnsibleModule(SPEC, supports_check_mode=True), run)
        out, err = capfd.readouterr()
        assert not err
        result: dict[str, Any] = json.loads(out)
        return result

    return end


@pytest.mark.parametrize("password", WEAK)
def test_no_password_changes_what_is_decided_by(password: str, ended: Callable[..., dict[str, Any]]) -> None:
    result = ended(lambda _host, _params: dict(RESULT), password=password, username="deliver")
    del result["invocation"]
    assert result == RESULT


@pytest.mark.parametrize("password", [*WEAK, SECRET])
def test_nor_is_it_shown_as_what_the_module_was_called_with(
    password: str, ended: Callable[..., dict[str, Any]]
) -> None:
    given = ended(lambda _host, _params: {}, password=password)["invocation"]["module_args"]
    assert given["password"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def test_nor_is_an_account_of_the_options_options(ended: Callable[..., dict[str, Any]]) -> None:
    plain = base64.b64encode(f"\0ops\0{SECRET}".encode()).decode()
    imap = {"username": "ops", "password": SECRET}
    result = ended(lambda _host, _params: {"said": f"AUTHENTICATE PLAIN {plain}"}, message={"imap": imap})
    assert plain not in json.dumps(result)
    assert SECRET not in json.dumps(result)


def test_a_password_is_nowhere_in_a_result(
    ended: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ansible keeps warnings for the whole process, which ends after a module, but not after a test.
    warnings: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    basic = base64.b64encode(f"admin:{SECRET}".encode()).decode()

    def run(host: Host, _params: Any) -> dict[str, Any]:
        host.warn(f"it said {SECRET}\x1b[2J")
        said = {"banner": SECRET, "x": [f"a{SECRET}b", {SECRET: SECRET}], "header": f"Basic {basic}"}
        raise StashMailError(f"no: {SECRET}", reply=f"{SECRET} is wrong", **said)

    result = ended(run, password=SECRET, username="admin")
    assert result["failed"] is True
    assert result["msg"] == f"no: {MASK}"
    assert warnings == [f"it said {MASK}\\x1b[2J"]
    for spelling in (SECRET, basic, basic.rstrip("=")):
        assert spelling not in json.dumps(result)


def test_a_short_one_is_masked_as_a_word(ended: Callable[..., dict[str, Any]]) -> None:
    result = ended(
        lambda _host, _params: {"msg": "you said s3cr3t, not s3cr3ts", "tls": {"s3cr3t": 1}}, password="s3cr3t"
    )
    assert result["msg"] == f"you said {MASK}, not s3cr3ts"
    assert result["tls"] == {MASK: 1}


@pytest.mark.parametrize("kind", [ValueError, RecursionError, KeyError, UnicodeDecodeError, MemoryError])
@pytest.mark.parametrize("password", [SECRET, "e"])
def test_the_unexpected_is_told_by_kind_and_place(
    kind: type[Exception], password: str, ended: Callable[..., dict[str, Any]]
) -> None:
    def run(_host: Host, _params: Any) -> dict[str, Any]:
        if kind is UnicodeDecodeError:
            raise UnicodeDecodeError("ascii", SECRET.encode(), 0, 1, "what was sent")
        raise kind(f"-ERR {SECRET}")

    result = ended(run, password=password)
    assert (result["failed"], result["code"]) == (True, "unexpected")
    assert SECRET not in json.dumps(result)
    assert "-ERR" not in json.dumps(result)
    assert "Traceback" not in json.dumps(result)
    assert "line " in result["msg"]
    if password == SECRET:
        assert kind.__name__ in result["msg"]
        assert "test_host.py" in result["msg"]


def test_every_module_ends_by_it() -> None:
    for path in sorted((ROOT / "library").glob("*.py")):
        text = path.read_text("utf-8")
        assert "    finish(" in text, path.name
        assert "exit_json" not in text, path.name
        assert "fail_json" not in text, path.name


def test_what_was_given_openly_stays() -> None:
    redactor = Redactor([SECRET, "mail.example.com"], ["mail.example.com"])
    assert redactor.value({"host": "mail.example.com", "said": "at mail.example.com"}) == {
        "host": "mail.example.com",
        "said": f"at {MASK}",
    }


def test_nothing_in_a_result_commands_a_terminal(ended: Callable[..., dict[str, Any]]) -> None:
    """As a Java's version or a product's file name, whose makers chose what is in it."""
    text = "\x1b]0;owned\x07\tone\u202e\r\n\ttwo\n"
    shown = "\\x1b]0;owned\\x07\tone\\u202e \n\ttwo\n"
    result = ended(
        lambda _host, _params: {"java": {"version": text}, "found": [text], text: 1, "diff": {"after": text}}
    )
    del result["invocation"]
    assert result == {"java": {"version": shown}, "found": [shown], shown: 1, "diff": {"after": shown}}

    def fails(_host: Host, _params: Any) -> dict[str, Any]:
        raise StashMailError(f"It is called {text}", detail=text)

    failure = ended(fails)
    assert (failure["msg"], failure["detail"]) == (f"It is called {shown}", shown)
