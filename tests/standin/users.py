# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The users of the product: listing, creating with a mailed password link, deleting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .api_types import Fault, Request, Response, error, invalid
from .mailconfig import is_address
from .settings import Settings
from .store import Account, Store, hash_password


class Users:
    """The resource ``admin/users``. ``notify`` is called with the account that is to be mailed a link."""

    def __init__(self, settings: Settings, store: Store, notify: Callable[[Account], None]) -> None:
        self._settings = settings
        self._store = store
        self._notify = notify

    def list(self, request: Request, _account: Account) -> Response:
        """One page with all users whose name, display name or address begins with ``filter``."""
        wanted = request.query.get("filter", "").casefold()
        found = [
            _show(account)
            for account in self._store.accounts()
            if any(text.casefold().startswith(wanted) for text in (account.name, account.display_name, account.email))
        ]
        return Response(200, {"values": found, "size": len(found), "limit": 1000, "start": 0, "isLastPage": True})

    def create(self, request: Request, _account: Account) -> Response:
        query = request.query
        notify = query.get("notify", "false").lower() == "true"
        missing = [key for key in ("name", "displayName", "emailAddress") if not query.get(key, "").strip()]
        if not notify and not query.get("password"):
            missing.append("password")
        errors = [invalid(key, f"{key} is required.") for key in missing]
        if query.get("emailAddress") and not is_address(query["emailAddress"]):
            errors.append(invalid("emailAddress", "The mail address is not valid."))
        if errors:
            raise Fault(400, errors)
        name = query["name"]
        entry = {"name": name, "displayName": query["displayName"], "emailAddress": query["emailAddress"]}
        if query.get("password") and not notify:
            entry["passwordHash"] = hash_password(query["password"])
        with self._store.changing() as data:
            if self._store.find(name) is not None:
                raise self._conflict("name", f"There is already a user named {name}.", "IntegrityException")
            if notify and data.mail is None:
                # An assumption: the product has this exception, its status here is not documented.
                message = "The mail server is not configured, so the user cannot be notified."
                raise self._conflict(None, message, "mail.NoMailHostConfigurationException")
            data.users[name.casefold()] = entry
        if notify:
            created = self._store.find(name)
            if created is not None:
                self._notify(created)
        return Response(204)

    def delete(self, request: Request, _account: Account) -> Response:
        """Answers with the deleted user. The accounts of the users file cannot be deleted."""
        name = request.query.get("name", "")
        account = self._store.find(name)
        if account is None:
            raise Fault(404, [error("name", f"There is no user named {name}.", self._exception("NoSuchUserException"))])
        if account.seeded:
            message = "You may not delete this user."
            raise Fault(403, [error("name", message, self._exception("AuthorisationException"))])
        with self._store.changing() as data:
            data.users.pop(account.name.casefold(), None)
        return Response(200, _show(account))

    def _exception(self, name: str) -> str:
        return f"{self._settings.product.exceptions}.{name}"

    def _conflict(self, context: str | None, message: str, exception: str) -> Fault:
        return Fault(409, [error(context, message, self._exception(exception))])


def _show(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "displayName": account.display_name,
        "emailAddress": account.email,
        "slug": account.name.lower(),
        "active": True,
        "type": "NORMAL",
        "deletable": not account.seeded,
    }
