# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST client over real sockets: what each answer and each failed connection is told as."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.client import Bitbucket
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.rest import BadRequest, check_url
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

from tests.mail_server import self_signed
from tests.unit.bitbucket.hostile import ENDLESS, hostile, reply
from tests.unit.bitbucket.scripted import MAIL, PROPERTIES, SENDER, Reply, Scripted, serving

RECENT = "/rest/api/latest/profile/recent/repos?limit=1"
SECRET = "Admin-Geheim-31"
CODES = "com.atlassian.bitbucket."


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with serving(Scripted()) as server:
        yield server


def client(url: str, **options: object) -> Bitbucket:
    return Bitbucket(url, "admin", SECRET, **{"timeout": 5.0, **options})  # type: ignore[arg-type]


def failure(bitbucket: Bitbucket, code: str) -> str:
    """The message of the error that reading gives, which never holds the secret."""
    with pytest.raises(StashMailError) as caught:
        bitbucket.mail_server()
    assert caught.value.details["code"] == code, caught.value
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("https://bitbucket.example.com", "https://bitbucket.example.com"),
        ("https://host/bitbucket/", "https://host/bitbucket"),
        ("http://[::1]:7990//", "http://[::1]:7990"),
    ],
)
def test_base_urls(given: str, base: str) -> None:
    assert check_url(given) == base


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bitbucket.example.com",
        "ftp://host",
        "http://",
        "http://host:99999",
        "http://host:0",
        "http://host:x",
        "http://[::1",
        "https://host/?x=1",
        "https://host/#top",
        "https://host/a b",
        "https://host/\n",
        "https://höst",
        "https://host/rest/api/1.0",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_base_url(url: str) -> None:
    with pytest.raises(StashMailError, match=r"^url "):
        check_url(url)


def test_user_information_in_the_url_is_not_echoed() -> None:
    with pytest.raises(StashMailError) as caught:
        check_url("https://admin:oops-42@host")
    assert "oops-42" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"username": ""}, "url_username"),
        ({"password": ""}, "url_password"),
        ({"username": "a:b"}, "url_username"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"url": "https://localhost", "ca_path": "/does/not/exist.pem"}, "ca_path"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(StashMailError, match=named):
        Bitbucket(**{"url": "http://localhost", "username": "admin", "password": SECRET, **options})  # type: ignore[arg-type]


def test_credentials_and_context_path_are_sent(scripted: Scripted) -> None:
    scripted.replies["GET", "/bitbucket" + MAIL] = Reply.json(200, {"hostname": "h"})
    assert client(scripted.url + "/bitbucket/").mail_server() == {"hostname": "h"}
    assert [path for _, path, _ in scripted.requests] == ["/bitbucket" + MAIL]


def test_not_configured(scripted: Scripted) -> None:
    assert client(scripted.url).mail_server() is None


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>Welcome to nginx</html>", "text/html"),
        Reply(404, b"<html>Not Found</html>", "text/html"),
        Reply(404, b"not json", "text/plain"),
        Reply.json(404, {"errors": []}),
        Reply.json(200, {"hello": "world"}),
        Reply.json(200, []),
        Reply(204),
        Reply(418, b"teapot", "text/plain"),
    ],
)
def test_something_else_is_no_bitbucket(scripted: Scripted, reply: Reply) -> None:
    for path in (MAIL, PROPERTIES):
        scripted.replies["GET", path] = reply
    # Jira and Confluence have /status as well, so it proves nothing.
    assert "not its base URL" in failure(client(scripted.url), "not_bitbucket")


@pytest.mark.parametrize("state", ["STARTING", "MAINTENANCE", "ERROR", "STOPPING", "FIRST_RUN"])
@pytest.mark.parametrize("reply", [Reply(503), Reply(302, headers={"Location": "/unavailable"}), Reply(404)])
def test_not_running(scripted: Scripted, state: str, reply: Reply) -> None:
    for path in (MAIL, PROPERTIES):
        scripted.replies["GET", path] = reply
    scripted.replies["GET", "/status"] = Reply.json(503, {"state": state})
    assert state in failure(client(scripted.url), "not_running")


def test_server_error_has_the_products_words(scripted: Scripted) -> None:
    scripted.replies["GET", MAIL] = Reply.error(500, f"database gone\x1b[31m, {SECRET}")
    message = failure(client(scripted.url), "server_error")
    assert "HTTP 500: database gone" in message
    assert "\x1b" not in message


def test_wrong_password_by_name(scripted: Scripted) -> None:
    scripted.replies["GET", MAIL] = Reply.error(
        401, "Authentication failed.", CODES + "auth.IncorrectPasswordAuthenticationException"
    )
    assert "url_password" in failure(client(scripted.url), "unauthorised")
    assert len(scripted.requests) == 1, "a further attempt would bring the CAPTCHA nearer"


def test_missing_permission_by_name(scripted: Scripted) -> None:
    scripted.replies["GET", MAIL] = Reply.error(401, "You are not permitted", CODES + "AuthorisationException")
    assert "SYS_ADMIN" in failure(client(scripted.url), "no_sys_admin")


@pytest.mark.parametrize("status", [401, 403])
def test_captcha_by_name(scripted: Scripted, status: int) -> None:
    scripted.replies["GET", MAIL] = Reply.error(
        status, "CAPTCHA required.", CODES + "auth.CaptchaRequiredAuthenticationException"
    )
    assert "CAPTCHA" in failure(client(scripted.url), "captcha")


@pytest.mark.parametrize(("second", "code"), [(200, "no_sys_admin"), (401, "unauthorised"), (500, "refused")])
def test_a_401_without_a_name_is_told_by_a_second_call(scripted: Scripted, second: int, code: str) -> None:
    scripted.replies["GET", MAIL] = Reply(401, b"Unauthorized", "text/plain")
    scripted.replies["GET", RECENT] = Reply.json(second, {"values": []})
    failure(client(scripted.url), code)


def test_redirect_to_a_login_page(scripted: Scripted) -> None:
    scripted.replies["GET", MAIL] = Reply(302, headers={"Location": "https://sso.example.com/login?token=abc123"})
    message = failure(client(scripted.url), "redirected")
    assert "single sign-on" in message
    assert "https://sso.example.com/login" in message
    assert "abc123" not in message


def test_redirect_to_the_right_base_url(scripted: Scripted) -> None:
    scripted.replies["GET", MAIL] = Reply(301, headers={"Location": f"https://127.0.0.1/bitbucket{MAIL}"})
    assert "Set url to https://127.0.0.1/bitbucket." in failure(client(scripted.url), "redirected")


def test_redirect_without_a_location(scripted: Scripted) -> None:
    scripted.replies["GET", MAIL] = Reply(303)
    failure(client(scripted.url), "redirected")


def test_validation_errors_name_the_field_and_hide_what_is_echoed(scripted: Scripted) -> None:
    scripted.replies["PUT", MAIL] = Reply.error(400, "Mail-Geheim-7 is too short.", context="password")
    with pytest.raises(BadRequest, match=r"password: \*{8} is too short\.") as caught:
        client(scripted.url).put_mail_server({"hostname": "h", "password": "Mail-Geheim-7"})
    assert "Mail-Geheim-7" not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "sender"),
    [
        (Reply(200, b'"a@example.com"'), "a@example.com"),
        (Reply(200, b"a@example.com", "text/plain"), "a@example.com"),
        (Reply(200, b"null"), ""),
        (Reply(200), ""),
        (Reply(204), ""),
        (Reply(404), ""),
    ],
)
def test_forms_of_the_sender(scripted: Scripted, reply: Reply, sender: str) -> None:
    scripted.replies["GET", SENDER] = reply
    assert client(scripted.url).sender_address() == sender


def test_the_sender_is_sent_as_a_bare_string(scripted: Scripted) -> None:
    client(scripted.url).put_sender_address("a@example.com")
    assert scripted.requests == [("PUT", SENDER, "a@example.com")]


@pytest.mark.parametrize("body", [b"[1]", b"{}", b"<b>@</b>", b"two words@x"])
def test_other_forms_of_the_sender_are_errors(scripted: Scripted, body: bytes) -> None:
    scripted.replies["GET", SENDER] = Reply(200, body)
    with pytest.raises(StashMailError, match="sender-address"):
        client(scripted.url).sender_address()


def test_connection_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    assert f"port {port}" in failure(client(f"http://127.0.0.1:{port}"), "connection_refused")


@pytest.mark.parametrize("host", ["does-not-exist.invalid", "a" * 70 + ".invalid"])
def test_unknown_host(host: str) -> None:
    assert "cannot be resolved" in failure(client(f"http://{host}"), "unknown_host")


def raw_server(*pieces: bytes, pause: float = 0.0) -> tuple[int, threading.Thread]:
    """Accept one connection, read a little, send the pieces with pauses between, close."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            listener.settimeout(10)
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                try:
                    connection.recv(65536)
                    for piece in pieces:
                        connection.sendall(piece)
                        time.sleep(pause)
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listener.getsockname()[1], thread


def test_silence_ends_with_the_timeout() -> None:
    port, thread = raw_server(b"", pause=1.5)
    began = time.monotonic()
    assert "within 0.5 seconds" in failure(client(f"http://127.0.0.1:{port}", timeout=0.5), "timeout")
    assert time.monotonic() - began < 1.4
    thread.join(10)


def test_a_dripping_body_ends_with_the_timeout() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    port, thread = raw_server(head, *[b" "] * 40, pause=0.1)
    began = time.monotonic()
    failure(client(f"http://127.0.0.1:{port}", timeout=1.0), "timeout")
    assert time.monotonic() - began < 2.0
    thread.join(10)


@pytest.mark.parametrize("answer", [b"220 mail.example.com ESMTP\r\n", b"", b"HTTP/1.1 banana\r\n\r\n"])
def test_another_protocol(answer: bytes) -> None:
    port, thread = raw_server(answer)
    failure(client(f"http://127.0.0.1:{port}"), "connection_failed")
    thread.join(10)


def test_https_to_a_plain_port(scripted: Scripted) -> None:
    assert "http://" in failure(client(scripted.url.replace("http:", "https:")), "tls_failed")


def https(folder: Path, host: str = "127.0.0.1", days: int = 30) -> tuple[int, Path, threading.Thread]:
    certificate_file, key_file = self_signed(host, ca=True, days=(-60, days)).write(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            listener.settimeout(10)
            try:
                connection, _ = listener.accept()
                with context.wrap_socket(connection, server_side=True) as tls:
                    tls.settimeout(10)
                    tls.recv(65536)
                    tls.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
                        b'{"hostname":"h"}'
                    )
            except OSError:
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listener.getsockname()[1], certificate_file, thread


def test_self_signed_https(tmp_path: Path) -> None:
    port, _, thread = https(tmp_path)
    message = failure(client(f"https://127.0.0.1:{port}"), "tls_untrusted")
    assert "ca_path" in message
    assert "validate_certs" in message
    thread.join(10)


@pytest.mark.parametrize("way", ["ca_path", "validate_certs"])
def test_self_signed_https_accepted(tmp_path: Path, way: str) -> None:
    port, file, thread = https(tmp_path)
    options: dict[str, object] = {"ca_path": str(file)} if way == "ca_path" else {"validate_certs": False}
    assert client(f"https://127.0.0.1:{port}", **options).mail_server() == {"hostname": "h"}
    thread.join(10)


def test_https_with_another_name(tmp_path: Path) -> None:
    port, file, thread = https(tmp_path, "bitbucket.example.com")
    message = failure(client(f"https://127.0.0.1:{port}", ca_path=str(file)), "tls_untrusted")
    assert "Use in url a name" in message
    thread.join(10)


def test_expired_https(tmp_path: Path) -> None:
    port, file, thread = https(tmp_path, days=-3)
    assert "expired" in failure(client(f"https://127.0.0.1:{port}", ca_path=str(file)), "tls_untrusted")
    thread.join(10)


def test_a_ca_path_that_is_no_pem_file(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("hello")
    with pytest.raises(StashMailError, match="ca_path"):
        client("https://127.0.0.1:1", ca_path=str(file)).mail_server()


def test_the_environments_proxy_is_not_used(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        dead = held.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{dead}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert client(scripted.url).mail_server() is None
    failure(client(scripted.url, use_proxy=True), "connection_refused")


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("pause", [0.05, 0.0])
def test_no_server_keeps_it_longer_than_its_time(name: str, pause: float) -> None:
    if name == "nothing" and not pause:
        pytest.skip("to send nothing takes a pause")
    with hostile(ENDLESS[name], pause) as (url, _requests):
        began = time.monotonic()
        with pytest.raises(StashMailError):
            client(url, timeout=0.7).mail_server()
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("wait", ["0", "1", "", "soon", "Fri, 01 Jan 2021 00:00:00 GMT"])
def test_too_many_requests_are_waited_for(scripted: Scripted, wait: str) -> None:
    refusals = iter([Reply(429, headers={"Retry-After": wait} if wait else {})])
    scripted.interruptions["GET", MAIL] = lambda: next(refusals, None)
    began = time.monotonic()
    assert client(scripted.url).mail_server() is None
    assert 0.9 < time.monotonic() - began < 4
    assert scripted.requests.count(("GET", MAIL, None)) == 2


@pytest.mark.parametrize("wait", ["3600", "9" * 400, "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_too_many_requests_for_longer_than_there_is_time(scripted: Scripted, wait: str) -> None:
    scripted.replies["GET", MAIL] = Reply(429, headers={"Retry-After": wait})
    began = time.monotonic()
    assert "Retry-After " + wait[:40] in failure(client(scripted.url), "rate_limited")
    assert time.monotonic() - began < 1


def test_a_conflict_is_named(scripted: Scripted) -> None:
    scripted.replies["PUT", MAIL] = Reply.error(409, "being changed")
    with pytest.raises(StashMailError, match="HTTP 409: being changed") as caught:
        client(scripted.url).put_mail_server({"hostname": "h"})
    assert caught.value.details["code"] == "conflict"


@pytest.mark.parametrize("location", ["http://[::1", "//[", "http://host:99999999/rest", "http://h:x/", "\xff\xfe"])
def test_broken_redirects(scripted: Scripted, location: str) -> None:
    scripted.replies["GET", MAIL] = Reply(302, headers={"Location": location})
    failure(client(scripted.url), "redirected")


def spellings() -> list[str]:
    basic = base64.b64encode(f"admin:{SECRET}".encode()).decode()
    return [SECRET, basic, basic.rstrip("="), base64.b64encode(SECRET.encode()).decode()]


@pytest.mark.parametrize(
    "echo",
    [
        lambda said: reply({"errors": [{"message": f"you sent {said}", "context": said}]}, "500 Oops"),
        lambda said: reply({"errors": [{"message": f"you sent {said}"}]}, "400 Bad"),
        lambda said: reply({}, "302 Found", f"Location: https://sso.example.com/{said}/login"),
        lambda said: reply({}, f"500 {said}"),
        lambda said: f"HTTP/1.1 banana {said}\r\n\r\n".encode(),
        lambda said: f"{said}\r\n\r\n".encode(),
        lambda said: f"HTTP/1.1 200 OK\r\nContent-Type: {said}\r\nContent-Length: 0\r\n\r\n".encode(),
        lambda said: reply({}, "429 Slow", f"Retry-After: {said}"),
        lambda said: reply({"state": said}, "503 Wait"),
    ],
    ids=["500", "400", "Location", "reason", "status line", "first line", "content type", "Retry-After", "state"],
)
def test_what_a_server_echoes_of_the_login_is_masked(echo: Callable[[str], bytes]) -> None:
    for said in spellings():
        with hostile(lambda _: [echo(said)]) as (url, _requests), pytest.raises(StashMailError) as caught:  # noqa: B023
            client(url, timeout=1.5).mail_server()
        assert not [one for one in spellings() if one in str(caught.value)]


def test_a_token_takes_the_place_of_user_and_password(scripted: Scripted) -> None:
    token = "eyJ0b2tlbiI6-1.x_y"
    seen = []
    with hostile(lambda request: seen.append(request) or [reply({"hostname": "h"})]) as (url, _requests):  # type: ignore[func-returns-value]
        assert Bitbucket(url, token=token).mail_server() == {"hostname": "h"}
    assert f"Authorization: Bearer {token}\r\n".encode() in seen[0]
    scripted.replies["GET", MAIL] = Reply.error(
        401, f"wrong {token}", CODES + "IncorrectPasswordAuthenticationException"
    )
    with pytest.raises(
        StashMailError, match=r"refused the token in url_token \(stash_mail_bitbucket_admin_token\)"
    ) as caught:
        Bitbucket(scripted.url, token=token).mail_server()
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"password": SECRET + "\n"}, "url_password holds a control character"),
        ({"password": ["a"]}, "url_password is a list"),
        ({"password": {}}, "url_password is a dictionary"),
        ({"password": True}, "url_password is true or false"),
        ({"password": 1.5}, "url_password is a number"),
        ({"password": None}, "url_username and url_password"),
        ({"password": "a\udc80"}, "url_password holds bytes that are not UTF-8"),
        ({"username": "a:b"}, r"url_username \(stash_mail_bitbucket_admin_user\) holds a colon"),
        ({"token": "t"}, "url_token takes the place"),
        (
            {"username": "", "password": "", "token": "a b"},
            r"url_token \(stash_mail_bitbucket_admin_token\) holds a space",
        ),
        ({"username": "", "password": "", "token": "a\r\nX: y"}, "url_token holds a control character"),
    ],
)
def test_odd_passwords_and_tokens(options: dict[str, object], named: str) -> None:
    with pytest.raises(StashMailError, match=named) as caught:
        Bitbucket(**{"url": "http://localhost", "username": "admin", "password": SECRET, **options})  # type: ignore[arg-type]
    assert SECRET not in str(caught.value)


def test_a_number_is_taken_as_a_password() -> None:
    Bitbucket("http://localhost", "admin", 12345678)  # type: ignore[arg-type]
