# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question for /status: one deadline over it whatever the server does, and each end told for what it is."""

from __future__ import annotations

import itertools
import json
import time
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import yaml
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.rest import Http
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.status import ask
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.modules import stash_mail_status

from tests.ansible_module import patch_module_args
from tests.unit.bitbucket.hostile import CHUNKED, ENDLESS, Answer, hostile, reply

Run = Callable[..., dict[str, Any]]
RUNNING = reply({"state": "RUNNING"})


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs the module with these options and returns its result."""

    def run_it(**options: Any) -> dict[str, Any]:
        with patch_module_args(options), pytest.raises(SystemExit):
            stash_mail_status.main()
        result: dict[str, Any] = json.loads(capfd.readouterr().out)
        documented = {*yaml.safe_load(stash_mail_status.RETURN), "changed", "failed", "msg", "invocation"}
        assert set(result) <= documented
        return result

    return run_it


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("check", [True, False])
def test_running(run: Run, wait: bool, check: bool) -> None:
    with hostile(lambda _: [RUNNING]) as (url, requests):
        result = run(url=url + "/bitbucket/", wait=wait, _ansible_check_mode=check)
    assert (result["state"], result["status"], result["tries"], result["changed"]) == ("RUNNING", 200, 1, False)
    assert result["url"] == url + "/bitbucket/status"
    assert requests[0].startswith(b"GET /bitbucket/status HTTP/1.1\r\n")
    assert b"Authorization" not in requests[0]


def test_it_waits_through_a_start(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.stashops.mail.plugins.module_utils._bitbucket.status._PAUSE", 0.05)
    said: Iterable[bytes] = iter(
        [
            b"",
            reply(b"<html>Bad gateway</html>", "502 Bad Gateway"),
            reply({"state": "STARTING"}, "503 Service Unavailable"),
            reply({"state": "RUNNING"}, "503 Service Unavailable"),
            reply({"state": ["RUNNING"]}),
            RUNNING,
        ]
    )
    with hostile(lambda _: [next(said)]) as (url, _requests):  # type: ignore[call-overload]
        result = run(url=url, timeout=20)
    assert (result["state"], result["tries"]) == ("RUNNING", 6)


def test_what_it_said_last_is_told(run: Run) -> None:
    with hostile(lambda _: [reply({"state": "\x1b[2JSTARTING\u202e"}, "503 Wait")]) as (url, _requests):
        result = run(url=url, wait=False)
    assert (result["failed"], result["code"], result["status"]) == (True, "not_running", 503)
    assert "\\x1b[2JSTARTING\\u202e (HTTP 503)" in result["msg"]
    assert result["state"] == "\\x1b[2JSTARTING\\u202e"


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("pause", [0.05, 0.0])
def test_no_server_keeps_it_longer_than_its_time(name: str, pause: float) -> None:
    if name == "nothing" and not pause:
        pytest.skip("to send nothing takes a pause")
    with hostile(ENDLESS[name], pause) as (url, _requests):
        client = Http(url)
        tracemalloc.start()
        began = time.monotonic()
        found = ask(client, Deadline(0.7))
        took = time.monotonic() - began
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert not found.is_running
    assert found.problem
    assert took < 1.5, name
    assert peak < 20_000_000, "memory is bounded, too"


def test_waiting_has_one_deadline_over_all_its_tries(run: Run) -> None:
    with hostile(ENDLESS["a dripped header"], 0.05) as (url, _requests):
        began = time.monotonic()
        result = run(url=url, timeout=1)
    assert time.monotonic() - began < 2
    assert result["msg"].startswith(f"{url}/status did not say RUNNING within 1 s.")
    assert result["status"] is None


BROKEN: dict[str, Answer] = {
    "no HTTP": lambda _: [b"220 mail.example.com ESMTP\r\n"],
    "an end at once": lambda _: [b""],
    "a status that is none": lambda _: [b"HTTP/1.1 banana\r\n\r\n"],
    "a status of many digits": lambda _: [b"HTTP/1.1 " + b"2" * 5000 + b" OK\r\n\r\n"],
    "a length that is none": lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{"],
    "a negative length": lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{"],
    "more than there is": lambda _: [b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"state":"RUNNING"}'],
    "a chunk that is none": lambda _: [CHUNKED + b"zz\r\n"],
    "a chunk of negative size": lambda _: [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n0\r\n\r\n"
    ],
    "half a chunk": lambda _: [CHUNKED + b"ff\r\nabc"],
    "gzip that is none": lambda _: [reply(b"plain", "200 OK", "Content-Encoding: gzip")],
    "half a gzip": lambda _: [reply(b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "200 OK", "Content-Encoding: gzip")],
    "a header too long": lambda _: [b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"],
    "headers too many": lambda _: [b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 500 + b"\r\n"],
    "deep nesting": lambda _: [reply(b'{"state":' + b"[" * 100_000)],
    "deep but whole nesting": lambda _: [reply(b'{"state":' + b"[" * 900 + b"]" * 900 + b"}")],
    "a number too long": lambda _: [reply(b'{"state":' + b"9" * 100_000 + b"}")],
    "half a character": lambda _: [reply(b'{"state":"\\ud800"}')],
    "not UTF-8": lambda _: [reply(b'{"state":"\xff"}')],
    "a list": lambda _: [reply([])],
    "too much": lambda _: [reply(b" " * 3_000_000)],
    "switching protocols": lambda _: [b"HTTP/1.1 101 Switching Protocols\r\n\r\n"],
    "a redirect": lambda _: [reply({}, "302 Found", "Location: http://[::1")],
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_responses_are_no_state_and_no_traceback(name: str, run: Run) -> None:
    with hostile(BROKEN[name]) as (url, _requests):
        result = run(url=url, wait=False, timeout=5)
    assert (result["failed"], result["code"]) == (True, "not_running")
    assert "Traceback" not in json.dumps(result)


def test_a_bomb_is_not_unpacked() -> None:
    import gzip

    bomb = gzip.compress(b" " * 50_000_000)
    with hostile(lambda _: [reply(bomb, "200 OK", "Content-Encoding: gzip")]) as (url, _requests):
        tracemalloc.start()
        found = ask(Http(url), Deadline(10))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert "compressed" in found.problem
    assert peak < 10_000_000


def test_a_packed_response_is_read() -> None:
    import gzip

    packed = gzip.compress(b'{"state":"RUNNING"}')
    with hostile(lambda _: [reply(packed, "200 OK", "Content-Encoding: gzip")]) as (url, _requests):
        assert ask(Http(url), Deadline(5)).is_running


def test_early_hints_are_passed_over() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    with hostile(lambda _: [hints + RUNNING]) as (url, _requests):
        assert ask(Http(url), Deadline(5)).is_running


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "bitbucket.example.com"}, "is not an http or https URL"),
        ({"url": "http://h", "timeout": 0}, "timeout 0 is out of range"),
        ({"url": "https://h", "ca_path": "/does/not/exist"}, "ca_path"),
    ],
)
def test_bad_options(options: dict[str, Any], said: str, run: Run) -> None:
    assert said in run(**options)["msg"]


def test_a_proxy_is_used_on_request_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with hostile(lambda _: [RUNNING]) as (proxy, requests):
        monkeypatch.setenv("http_proxy", proxy.replace("//", "//user:p%40ss@"))
        result = run(url="http://bitbucket.example.invalid:7990", wait=False, use_proxy=True)
        assert result["state"] == "RUNNING"
        assert requests[0].startswith(b"GET http://bitbucket.example.invalid:7990/status HTTP/1.1\r\n")
        assert b"Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in requests[0]
        assert run(url="http://bitbucket.example.invalid:7990", wait=False)["failed"]
        assert len(requests) == 1
        monkeypatch.setenv("http_proxy", "socks5://user:geheim@127.0.0.1:1")
        refused = run(url="http://bitbucket.example.invalid:7990", wait=False, use_proxy=True)
    assert "not the URL of an HTTP proxy" in refused["msg"]
    assert "geheim" not in json.dumps(refused)


def test_https_through_a_proxy_that_refuses(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    refusal = itertools.repeat(reply({}, "407 Who are you"))
    with hostile(lambda _: [next(refusal)]) as (proxy, requests):
        monkeypatch.setenv("https_proxy", proxy)
        result = run(url="https://bitbucket.example.invalid", wait=False, use_proxy=True)
    assert requests[0].startswith(b"CONNECT bitbucket.example.invalid:443 HTTP/1.1\r\n")
    assert "the proxy refused the way" in result["msg"]
    assert "407" in result["msg"]
