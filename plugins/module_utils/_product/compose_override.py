# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The place of the truststore's arguments in a compose project, apart from the others since few have one."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import compose, start_script
from ansible_collections.stashops.mail.plugins.module_utils._product.start_script import (
    TruststoreArguments,
    trust_arguments,
)


class ComposeOverride:
    """A compose file over a project's own: the service's other arguments are repeated in it, since it replaces them."""

    def __init__(
        self, path: str, before: str | None, service: compose.Service | None, shown: t.Sequence[str] = ()
    ) -> None:
        """``shown`` are the truststore's arguments of the service as compose itself says them, variables filled in."""
        self.path = path
        self._shown = shown
        self.before = before
        # Without it nothing of ours is wanted.
        self._service = service
        self._is_ours = before is None or before.startswith(compose.HEADER)

    def managed(self) -> list[str]:
        return trust_arguments(self.arguments(self.before))

    def others(self) -> list[str]:
        if self._service is None:
            return []
        found = [*self._service.outside, *self._own()]
        return [*found, *(word for word in self._shown if word not in found)]

    def _own(self) -> list[str]:
        return trust_arguments(self._service.value.split()) if self._service else []

    def without_managed(self) -> str | None:
        return None if self._is_ours else self.before

    def with_managed(self, wanted: TruststoreArguments, others: t.Sequence[str]) -> str:
        if not self._is_ours:
            raise StashMailError(
                f"compose_override {self.path} was not written by stash_mail and would be overwritten: name another "
                "one, which compose is then told of by COMPOSE_FILE or --file; or use environment_file with an "
                "env_file."
            )
        if self._service is None:
            raise RuntimeError("an override is over a service")
        own = self._own()
        outside = [*self._service.outside, *(word for word in others if word not in own)]
        words = start_script.merge(self._service.value.split(), wanted, outside)
        return compose.render(self._service, " ".join(words), os.path.dirname(wanted.path))

    def arguments(self, text: str | None) -> list[str]:
        return compose.value_of(text or "").split()
