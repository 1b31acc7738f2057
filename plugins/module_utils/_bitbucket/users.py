# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user that is made so that Bitbucket sends a message, and deleted again."""

from __future__ import annotations

import urllib.parse

from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.client import Bitbucket
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.rest import Response
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

USERS = "/rest/api/latest/admin/users"
# Documented as "ADMIN or higher": tells before anything has happened whether the user may create users.
GLOBAL_PERMISSIONS = "/rest/api/latest/admin/permissions/users?limit=1"
PREFIX = "stash-mail-verify-"


class Uncertain(StashMailError):
    """A request whose effect is not known, since no answer came: the user may be there or not."""


class UserAdmin(Bitbucket):
    """Users of one instance, by an account with ADMIN. Every method raises :class:`StashMailError`."""

    def check(self) -> None:
        """Raise where this account may not create users, as far as that can be seen without trying."""
        self.properties()
        answer = self._send("GET", GLOBAL_PERMISSIONS)
        if answer.status in (401, 403):
            raise self._denied(answer)

    def named(self, text: str) -> list[str]:
        """Return the names of the active users whose name begins with ``text``."""
        query = urllib.parse.urlencode({"filter": text, "limit": 100})
        body = self._ask("GET", f"{USERS}?{query}", (200,)).json()
        values = body.get("values") if isinstance(body, dict) else None
        listed = values if isinstance(values, list) else []
        users = [user for user in listed if isinstance(user, dict) and user.get("active") is not False]
        names = [self._clean(str(user.get("name") or "")) for user in users]
        return [name for name in names if name.lower().startswith(text.lower())]

    def create(self, name: str, display_name: str, address: str) -> None:
        """Create a user who gets a message with a link to choose a password; no group, so no permission.

        Raises :class:`Uncertain` where it is not known whether there is such a user now.
        """
        query = urllib.parse.urlencode(
            {
                "name": name,
                "displayName": display_name,
                "emailAddress": address,
                "notify": "true",
                "addToDefaultGroup": "false",
            }
        )
        # The cross-site request protection wants to see that no browser's form has made this request.
        headers = {"X-Atlassian-Token": "no-check"}
        try:
            answer = self._send("POST", f"{USERS}?{query}", {}, headers)
        except StashMailError as error:
            code = error.details.get("code")
            if code in ("connection_refused", "unknown_host", "tls_untrusted"):
                raise
            raise Uncertain(f"No answer to the request for a new user: {error}", code=code) from None
        if answer.status == 204:
            return
        if answer.status in (400, 401, 403, 404, 409):
            raise self._explained(answer, f"Bitbucket did not create the user {name}")
        problem = self._unexpected("POST", USERS, answer)
        raise Uncertain(str(problem), **problem.details)

    def delete(self, name: str) -> None:
        """Delete a user; nothing happens where there is none."""
        query = urllib.parse.urlencode({"name": name})
        self._ask("DELETE", f"{USERS}?{query}", (200, 204, 404))

    def _ask(self, method: str, path: str, accept: tuple[int, ...]) -> Response:
        answer = self._send(method, path, headers={"X-Atlassian-Token": "no-check"})
        if answer.status in accept and "html" not in answer.content_type:
            return answer
        if answer.status in (400, 401, 403, 409):
            raise self._explained(answer, f"Bitbucket refused {method} {USERS}")
        raise self._unexpected(method, USERS, answer)

    def _explained(self, answer: Response, what: str) -> StashMailError:
        words = self._messages(answer)
        # Decided by what was said, not by what is left of it once secrets are masked.
        said = " ".join(str(entry.get("message") or "") for entry in answer.errors())
        if answer.status == 401 or (answer.status == 403 and "XSRF" not in said):
            return self._denied(answer)
        names = " ".join(str(entry.get("exceptionName") or "") for entry in answer.errors())
        text = f"{what} (HTTP {answer.status}): {words}."
        if "NoMailHost" in names or "mail server" in said.lower():
            text += " Configure the mail server first, with stash_mail_server."
            return StashMailError(text, code="no_mail_server")
        if answer.status == 409:
            text += " Users can be created only where Bitbucket has a user directory of its own that it may write."
        return StashMailError(text, code="refused")

    def _denied(self, answer: Response) -> StashMailError:
        error = self._refused(answer)
        if error.details.get("code") != "no_sys_admin":
            return error
        return StashMailError(
            f"{self.url} refused {self.who} (HTTP {answer.status}): the password is right, but the user "
            "may not manage users. Give the user the global permission Admin, or name another user in url_username.",
            code="no_admin",
        )
