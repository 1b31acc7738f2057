# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""REST client for the mail resources of Stash and Bitbucket.

Only transport and the product's answers are known here; what the settings mean is in ``_bitbucket.settings``.
Every answer that is not the documented one ends in a :class:`StashMailError` that says what to do, with a ``code``
for programs.
"""

from __future__ import annotations

import email.utils
import json
import time
import typing as t
import urllib.parse

from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.rest import (
    FAILURES,
    BadRequest,
    Http,
    Response,
    basic,
    check_url,
    explain_network,
)
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._inputs import check_password, check_seconds
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._secrets import of_account, printable, without

MAIL_SERVER = "/rest/api/latest/admin/mail-server"
SENDER_ADDRESS = MAIL_SERVER + "/sender-address"
PROPERTIES = "/rest/api/latest/application-properties"
# Documented as "only authenticated users may call this resource", whatever their permissions: it tells a wrong password
# from a missing permission, which are both 401, where the error body does not.
RECENT_REPOSITORIES = "/rest/api/latest/profile/recent/repos?limit=1"
STATUS = "/status"
_MAX_TIMEOUT = 86400
# Seconds until the next try where the product asks for fewer requests and does not say when.
_LEAST_PAUSE = 1.0
# As the module's user knows it, and as the role's does.
_BEARER = "url_token (stash_mail_bitbucket_admin_token)"
# Of an entry of the product's error body.
_WORDS = ("context", "message")


class Bitbucket:
    """The mail resources of one instance.

    :param url: base URL with its context path.
    :param username: a user with SYS_ADMIN, with ``password``; or both empty, and ``token`` given.
    :param token: an OAuth 2.0 access token with administrative scope. HTTP access tokens cannot hold ADMIN.
    :param ca_path: PEM file that replaces the system's CAs.
    :param timeout: seconds for all requests together, more than 0.
    :param use_proxy: whether the environment's proxies are used.

    Nothing is sent before the first call. Redirects are never followed, so credentials reach ``url`` only.
    """

    def __init__(
        self,
        url: str,
        username: str = "",
        password: str = "",
        *,
        token: str = "",
        validate_certs: bool = True,
        ca_path: str | None = None,
        timeout: float = 30.0,
        use_proxy: bool = False,
    ) -> None:
        self.url = check_url(url)
        self._authorization, self._secrets = _login(username, password, token)
        self.who = f"user {username!r}" if username else f"the token in {_BEARER}"
        check_seconds(timeout, "timeout", _MAX_TIMEOUT)
        self._timeout = timeout
        self._deadline: Deadline | None = None
        self._http = Http(self.url, validate_certs=validate_certs, ca_path=ca_path, use_proxy=use_proxy)

    def renew_deadline(self) -> None:
        """Start the time again, to find out and put right what a failed write has left."""
        self._deadline = Deadline(self._timeout)

    def mail_server(self) -> dict[str, t.Any] | None:
        """Return the mail settings as the product spells them, or None where no mail server is configured."""
        answer = self._call("GET", MAIL_SERVER, accept=(200, 204, 404))
        body = answer.json()
        if answer.status == 200 and isinstance(body, dict) and isinstance(body.get("hostname"), str):
            return body if body["hostname"] else None
        # Many a web server says 404, and Jira has /status too: be sure that this is Bitbucket.
        self.properties()
        return None

    def put_mail_server(self, body: dict[str, t.Any]) -> None:
        """Replace the mail settings; raises :class:`BadRequest` where the product refuses them."""
        if body.get("password"):
            self._secrets.append(body["password"])
        self._call("PUT", MAIL_SERVER, body, accept=(200, 204))

    def delete_mail_server(self) -> None:
        """Remove the mail settings; nothing happens where there are none."""
        self._call("DELETE", MAIL_SERVER, accept=(200, 204, 404))

    def sender_address(self) -> str:
        """Return the sender's address, or an empty string where none is set."""
        answer = self._call("GET", SENDER_ADDRESS, accept=(200, 204, 404))
        if answer.status != 200 or not answer.body.strip():
            return ""
        value = answer.json()
        if isinstance(value, str):
            return printable(value)
        # Its form is not published: a bare JSON string as in the PUT, or the address as plain text.
        text = answer.body.decode("utf-8", "replace").strip()
        if value is None and "@" in text and len(text.split()) == 1 and not text.startswith("<"):
            return printable(text)
        if value is None and text == "null":
            return ""
        raise self._unexpected("GET", SENDER_ADDRESS, answer)

    def put_sender_address(self, address: str) -> None:
        """Set the sender's address."""
        self._call("PUT", SENDER_ADDRESS, address, accept=(200, 204))

    def delete_sender_address(self) -> None:
        """Clear the sender's address; nothing happens where there is none."""
        self._call("DELETE", SENDER_ADDRESS, accept=(200, 204, 404))

    def properties(self) -> dict[str, t.Any]:
        """Return ``version`` and ``displayName``; raises where ``url`` is not a Stash or Bitbucket."""
        answer = self._call("GET", PROPERTIES, accept=(200, 404))
        body = answer.json()
        if answer.status == 200 and isinstance(body, dict) and isinstance(body.get("version"), str):
            return {**body, "version": printable(body["version"])[:40]}
        raise self._unexpected("GET", PROPERTIES, answer)

    def state(self) -> str:
        """Return what ``/status`` says, such as RUNNING; an empty string where it says nothing.

        It is the server's word, not to be shown as it is.
        """
        try:
            body = self._send("GET", STATUS).json()
        except StashMailError:
            return ""
        state = body.get("state") if isinstance(body, dict) else None
        return state if isinstance(state, str) else ""

    def _call(self, method: str, path: str, body: t.Any = None, *, accept: tuple[int, ...]) -> Response:
        answer = self._send(method, path, body)
        if answer.status in accept and "html" not in answer.content_type:
            return answer
        if answer.status in (401, 403):
            raise self._refused(answer)
        if answer.status == 400:
            raise BadRequest(
                f"Bitbucket refused the settings (HTTP 400): {self._messages(answer)}. It has changed nothing by this.",
                code="invalid",
            )
        raise self._unexpected(method, path, answer)

    def _send(self, method: str, path: str, body: t.Any = None, headers: t.Mapping[str, str] | None = None) -> Response:
        if self._deadline is None:
            self.renew_deadline()
        deadline = t.cast(Deadline, self._deadline)
        data = None if body is None else json.dumps(body).encode("ascii")
        fields = {"Authorization": self._authorization, **(headers or {})}
        try:
            while True:
                answer = self._http.request(method, path, deadline, body=data, headers=fields)
                pause = _pause(answer)
                if pause is None or pause >= deadline.seconds - deadline.elapsed():
                    return answer
                deadline.sleep(pause)
        except FAILURES as error:
            code, text = explain_network(error, self.url, self._timeout)
            # A broken status line is quoted, and may hold what was sent.
            raise StashMailError(self._clean(text), code=code) from None

    def _refused(self, answer: Response) -> StashMailError:
        """What a 401 or 403 means: the product's error body says it by the name of a Java class."""
        names = " ".join(str(entry.get("exceptionName") or "") for entry in answer.errors())
        text = f"{self.url} refused {self.who} (HTTP {answer.status}): "
        if "CaptchaRequired" in names:
            text += (
                "too many failed logins have locked the account until a CAPTCHA is solved. "
                "Log in as that user in a browser, then run again."
            )
            return StashMailError(text, code="captcha")
        if "IncorrectPassword" in names:
            return self._wrong_password(text)
        if "AuthorisationException" not in names:
            status = self._send("GET", RECENT_REPOSITORIES).status
            if status == 401:
                return self._wrong_password(text)
            if status != 200:
                text += f"{self._messages(answer)}. Check url_username, url_password and that user's permissions."
                return StashMailError(text, code="refused")
        text += (
            "the password is right, but the user may not read or change mail settings. Give the user the global "
            "permission System admin (SYS_ADMIN; Admin is not enough), or name another user in url_username."
        )
        return StashMailError(text, code="no_sys_admin")

    def _wrong_password(self, text: str) -> StashMailError:
        if self._authorization.startswith("Bearer "):
            text += (
                "the token is wrong, has expired or may not be used here. Give an OAuth 2.0 access token with the "
                "scope for administration; HTTP access tokens cannot hold it."
            )
            return StashMailError(text, code="unauthorised")
        text += (
            "user name or password is wrong. Check url_username and url_password; each further attempt "
            "brings the account nearer to being locked by a CAPTCHA. HTTP access tokens cannot be used here."
        )
        return StashMailError(text, code="unauthorised")

    def _unexpected(self, method: str, path: str, answer: Response) -> StashMailError:
        got = f"{method} {self.url}{path} gave HTTP {answer.status}"
        if answer.status == 429:
            return self._too_many(got, answer)
        state = self.state()
        if state and state != "RUNNING":
            advice = {
                "FIRST_RUN": "finish its setup wizard first",
                "ERROR": "see its log for what stopped it",
            }.get(state, "run again once /status says RUNNING")
            return StashMailError(
                f"Bitbucket at {self.url} is not ready, its state is {self._clean(state)[:40]}: {advice}. ({got}.)",
                code="not_running",
            )
        if 300 <= answer.status < 400:
            return self._redirected(got, answer)
        if answer.status == 409:
            return StashMailError(
                f"{got}: {self._messages(answer)}. Something else changes the same thing, or it may not be changed "
                "there: run again when nobody else configures Bitbucket.",
                code="conflict",
            )
        if answer.status in (502, 503, 504):
            return StashMailError(
                f"{got}: {self._messages(answer)}. Bitbucket is not to be reached through what answers in its place: "
                "it starts, is being maintained or has stopped. Run again once /status says RUNNING.",
                code="server_error",
            )
        if answer.status >= 500:
            return StashMailError(
                f"{got}: {self._messages(answer)}. Bitbucket or the proxy before it is in trouble: see their logs.",
                code="server_error",
            )
        kind = self._clean(answer.content_type.partition(";")[0])[:80] or "no content type"
        return StashMailError(
            f"{got} ({kind}), which is not what Stash or Bitbucket answers: {self.url} is not its base URL, or a login "
            "page stands before it. Give the base URL as Bitbucket's server settings show it, with its context path.",
            code="not_bitbucket",
        )

    def _too_many(self, got: str, answer: Response) -> StashMailError:
        wait = f", Retry-After {self._clean(answer.retry_after)[:40]}" if answer.retry_after else ""
        return StashMailError(
            f"{got} (too many requests{wait}), which is longer than the {self._timeout:g} s of timeout leave. Raise "
            "timeout, run again later, or exempt the user in Bitbucket's administration (Rate limiting).",
            code="rate_limited",
        )

    def _redirected(self, got: str, answer: Response) -> StashMailError:
        try:
            target = urllib.parse.urljoin(self.url + "/", answer.location)
            here, there = urllib.parse.urlsplit(self.url), urllib.parse.urlsplit(target)
            same_host = here.hostname == there.hostname
        except ValueError:
            return StashMailError(f"{got}, a redirect to something that is not a URL.", code="redirected")
        # Queries of login redirects may hold tokens.
        shown = target.partition("?")[0].partition("#")[0]
        if same_host and MAIL_SERVER in there.path:
            advice = f"Set url to {self._clean(shown[: shown.index('/rest/')])}"
        else:
            advice = "This looks like a login page (single sign-on): let REST requests with Basic authentication pass"
        return StashMailError(
            f"{got}, a redirect to {self._clean(shown)}. Redirects are not followed, since credentials would go there. "
            f"{advice}.",
            code="redirected",
        )

    def _messages(self, answer: Response) -> str:
        """The product's own words, free of secrets: some servers echo what they refuse."""
        parts = []
        for entry in answer.errors():
            context, message = (entry.get(name) if isinstance(entry.get(name), str) else "" for name in _WORDS)
            parts.append((f"{context}: " if context else "") + (message or "no message").rstrip("."))
        return self._clean("; ".join(parts)) or "no reason was given"

    def _clean(self, text: str) -> str:
        text = printable(without(text, self._secrets))
        return text if len(text) <= 500 else text[:500] + "..."


def _login(username: str, password: str, token: str) -> tuple[str, list[str]]:
    """Return the Authorization header's value, and what of it is secret."""
    password, token = check_password(password, "url_password"), check_password(token, "url_token")
    if token:
        if username or password:
            raise StashMailError("url_token takes the place of url_username and url_password: leave these out.")
        if not all("!" <= character <= "~" for character in token):
            raise StashMailError(f"{_BEARER} holds a space or a non-ASCII character, which no token has.")
        return f"Bearer {token}", [token]
    if not username or not password:
        raise StashMailError(
            "url_username and url_password are both needed: the name and password of a system administrator. "
            "Or give an OAuth 2.0 access token in url_token."
        )
    if ":" in username:
        raise StashMailError(
            "url_username (stash_mail_bitbucket_admin_user) holds a colon, which HTTP's Basic authentication cannot "
            "carry."
        )
    return basic(f"{username}:{password}"), of_account(username, password)


def _pause(answer: Response) -> float | None:
    """Return the seconds after which to ask again where there were too many requests, None for other responses."""
    if answer.status != 429:
        return None
    said = answer.retry_after
    if said.isascii() and said.isdigit():
        return max(float(said), _LEAST_PAUSE)
    try:
        moment = email.utils.parsedate_to_datetime(said).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return _LEAST_PAUSE
    return max(moment - time.time(), _LEAST_PAUSE)
