# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST API: which request does what, and who may ask for it."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Callable
from typing import Any

from . import mailconfig
from .api_types import Fault, Request, Response, error, invalid
from .settings import Settings
from .store import Account, Permission, Store
from .users import Users

_API = re.compile(r"/rest/api/(?:1\.0|latest)(/.*)")
_FORM_TYPES = ("", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


class Api:
    """Answers requests; :meth:`handle` never raises for what a client sends."""

    def __init__(self, settings: Settings, store: Store, users: Users) -> None:
        self._settings = settings
        self._store = store
        self._users = users
        self._ready_at = time.monotonic() + settings.start_delay
        self._routes: dict[str, dict[str, tuple[Permission | None, Callable[[Request, Account], Response]]]] = {
            "/application-properties": {"GET": (None, self._application_properties)},
            "/admin/mail-server": {
                "GET": (Permission.SYS_ADMIN, self._get_mail),
                "PUT": (Permission.SYS_ADMIN, self._put_mail),
                "DELETE": (Permission.SYS_ADMIN, self._delete_mail),
            },
            "/admin/mail-server/sender-address": {
                "GET": (Permission.LICENSED_USER, self._get_sender),
                "PUT": (Permission.ADMIN, self._put_sender),
                "DELETE": (Permission.ADMIN, self._delete_sender),
            },
            "/admin/users": {
                "GET": (Permission.LICENSED_USER, users.list),
                "POST": (Permission.ADMIN, users.create),
                "DELETE": (Permission.ADMIN, users.delete),
            },
        }

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        try:
            return self._dispatch(request)
        except Fault as fault:
            return fault.response

    def _dispatch(self, request: Request) -> Response:
        starting = time.monotonic() < self._ready_at
        if request.path == "/status":
            if starting:
                return Response(self._settings.starting_status, {"state": "STARTING"})
            return Response(200, {"state": "RUNNING"})
        if starting:
            raise Fault(503, [error(None, f"{self._settings.product.display_name} is starting up.", None)])
        match = _API.fullmatch(request.path)
        methods = self._routes.get(match.group(1)) if match else None
        if methods is None:
            raise Fault(404, [error(None, "There is no such resource.", None)])
        if request.method not in methods:
            raise Fault(405, [error(None, "Method not allowed.", None)], {"Allow": ", ".join(sorted(methods))})
        self._check_cross_site(request)
        permission, action = methods[request.method]
        account = self._account(request)
        if permission is None:
            return action(request, account or _ANONYMOUS)
        if account is None or account.permission < permission:
            # Too few permissions are 401 here, not 403.
            message = "You are not permitted to access this resource"
            raise self._unauthorised(message, "AuthorisationException")
        return action(request, account)

    def _check_cross_site(self, request: Request) -> None:
        """POSTs that a web form could send need a header that it could not: our reading of the product."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        token = request.headers.get("x-atlassian-token", "").lower()
        if request.method == "POST" and media_type in _FORM_TYPES and token not in ("no-check", "nocheck"):
            raise Fault(403, [error(None, "XSRF check failed", None)])

    def _account(self, request: Request) -> Account | None:
        header = request.headers.get("authorization", "")
        scheme, _, encoded = header.partition(" ")
        if not header:
            return None
        account = None
        if scheme.lower() == "basic":
            try:
                decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
            except (binascii.Error, UnicodeDecodeError):
                decoded = ""
            name, _, password = decoded.partition(":")
            account = self._store.authenticate(name, password)
        elif scheme.lower() == "bearer":
            account = self._store.bearer(encoded.strip())
        if account is None:
            message = "Authentication failed. Please check your credentials and try again."
            raise self._unauthorised(message, "auth.IncorrectPasswordAuthenticationException")
        return account

    def _unauthorised(self, message: str, exception: str) -> Fault:
        # The product's challenge is OAuth, never Basic: a client must send its credentials unasked.
        challenge = {"WWW-Authenticate": f'OAuth realm="{self._settings.url}"'}
        return Fault(401, [error(None, message, f"{self._settings.product.exceptions}.{exception}")], challenge)

    def _application_properties(self, _request: Request, _account: Account) -> Response:
        product = self._settings.product
        return Response(
            200,
            {
                "version": product.version,
                "buildNumber": product.build_number,
                "buildDate": "0",
                "displayName": product.display_name,
            },
        )

    def _get_mail(self, _request: Request, _account: Account) -> Response:
        with self._store.reading() as data:
            if data.mail is None:
                raise Fault(404, [error(None, "The mail server is not configured.", self._no_such_entity)])
            return Response(200, mailconfig.show(self._settings, data.mail, data.sender))

    def _put_mail(self, request: Request, _account: Account) -> Response:
        config = mailconfig.parse(self._settings, _json(request))
        # The product keeps the sender apart from the host's settings: it outlives their deletion.
        sender = config.pop("senderAddress", None)
        with self._store.changing() as data:
            if self._settings.keeps_password and "password" not in config and data.mail:
                config["password"] = data.mail.get("password")
            data.mail = config
            data.sender = sender or data.sender
            return Response(200, mailconfig.show(self._settings, config, data.sender))

    def _delete_mail(self, _request: Request, _account: Account) -> Response:
        with self._store.changing() as data:
            data.mail = None
        return Response(204)

    def _get_sender(self, _request: Request, _account: Account) -> Response:
        with self._store.reading() as data:
            if data.sender:
                return Response(200, data.sender)
        status = self._settings.sender_status
        if status == 404:
            raise Fault(404, [error(None, "The server email address is not set.", self._no_such_entity)])
        return Response(status)

    def _put_sender(self, request: Request, _account: Account) -> Response:
        sender = _json(request)
        if not isinstance(sender, str) or not mailconfig.is_address(sender):
            raise Fault(400, [invalid(None, "The server email address is not a valid mail address.")])
        with self._store.changing() as data:
            data.sender = sender
        return Response(200, sender)

    def _delete_sender(self, _request: Request, _account: Account) -> Response:
        with self._store.changing() as data:
            data.sender = None
        return Response(204)

    @property
    def _no_such_entity(self) -> str:
        return f"{self._settings.product.exceptions}.NoSuchEntityException"


_ANONYMOUS = Account("", "", "", Permission.LICENSED_USER)


def _json(request: Request) -> Any:
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Fault(415, [error(None, f"The media type {media_type} is not supported here.", None)])
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise Fault(400, [invalid(None, "The request body is not valid JSON.")]) from None
