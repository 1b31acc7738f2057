# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking one question after the other, so that one that fails keeps no other from being answered."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host

Answer = t.Dict[str, t.Any]


def skipped(why: str) -> Answer:
    """The answer to a question that was not asked."""
    return {"changed": False, "skipped": True, "msg": why}


def failed(error: StashMailError) -> Answer:
    """The answer where there is none, with what the error knows."""
    return {"changed": False, **error.details, "failed": True, "msg": str(error)}


@contextlib.contextmanager
def raising(host: Host) -> t.Iterator[None]:
    """Within this ``AnsibleModule.fail_json`` raises: Ansible's functions for files would end everything by it."""
    vars(host.module)["fail_json"] = _raise
    try:
        yield
    finally:
        del vars(host.module)["fail_json"]


class Asking:
    """Collects the ``answers`` by question, in a ``with``. Whoever answers is in check mode, whatever the run is in."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.answers: dict[str, Answer] = {}
        self._raising = contextlib.ExitStack()

    def __enter__(self) -> Asking:
        # Ansible's own functions for files ask the module.
        self.host.module.check_mode = True
        self._raising.enter_context(raising(self.host))
        return self

    def __exit__(self, *_error: object) -> None:
        self.host.module.check_mode = self.host.check_mode
        self._raising.close()

    def ask(self, name: str, question: t.Callable[[Host], Answer]) -> Answer:
        """Return the answer, which says so where there is none; it is kept under ``name``."""
        host = _Quiet(self.host)
        try:
            answer = question(host)
        except StashMailError as error:
            answer = failed(error)
        if host.warnings:
            answer["warnings"] = host.warnings
        self.answers[name] = answer
        return answer


class _Quiet(Host):
    """Keeps a question's warnings with its answer, besides telling them."""

    def __init__(self, host: Host) -> None:
        super().__init__(host.module)
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)
        super().warn(text)


def _raise(msg: str, **details: t.Any) -> t.NoReturn:
    raise StashMailError(msg, **details)
