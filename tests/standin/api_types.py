# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request, a response and an error of the REST API, apart from HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """``path`` is without the context path; header names are in lower case; ``query`` has the last of each name."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class _Nothing:
    """No body at all, as opposed to the JSON value null."""


NOTHING = _Nothing()


@dataclass(frozen=True)
class Response:
    status: int
    body: Any = NOTHING
    headers: dict[str, str] = field(default_factory=dict)


class Fault(Exception):
    """A request that ends with an error body; ``errors`` are its entries."""

    def __init__(self, status: int, errors: list[dict[str, Any]], headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.response = Response(status, {"errors": errors}, headers or {})


def error(context: str | None, message: str, exception: str | None) -> dict[str, Any]:
    """One entry of an error body. The product sends null for what it has nothing to say about."""
    return {"context": context, "message": message, "exceptionName": exception}


def invalid(context: str | None, message: str) -> dict[str, Any]:
    """One entry about a field that is wrong."""
    return error(context, message, None)
