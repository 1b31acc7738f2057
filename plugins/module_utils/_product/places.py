# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The places that can hold the truststore's arguments: a start script, a drop-in, an environment file.

Each is a file as it was read, and says what it would be with our arguments in it or without. Where a place is set for
the JVM in a way of its own, its class says so; :mod:`jvm_plan` chooses and compares. A compose project's place is in
:mod:`compose_override`.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import TRUST_PREFIX
from ansible_collections.stashops.mail.plugins.module_utils._product import (
    env_file,
    shell,
    start_script,
    systemd,
)
from ansible_collections.stashops.mail.plugins.module_utils._product.install import read_text
from ansible_collections.stashops.mail.plugins.module_utils._product.start_script import (
    PATH_ARGUMENT,
    VARIABLE,
    TruststoreArguments,
    trust_arguments,
)
from ansible_collections.stashops.mail.plugins.module_utils._secrets import MASK_CHANGED, mask_argument, printable

_HERE = "/stash_mail/is/here"
# Stands for our arguments where a script is followed to see what comes before and after them.
_PROBE = TruststoreArguments(_HERE, kind="stash_mail_probe")
_OF_THE_PROBE = (start_script.PASSWORD_ARGUMENT, start_script.TYPE_ARGUMENT + _PROBE.kind)


class Place(t.Protocol):
    """A file that can hold our arguments. ``before`` is its text, None where there is no file."""

    path: str
    before: str | None

    def managed(self) -> list[str]:
        """The truststore's arguments that we have set in it."""

    def others(self) -> list[str]:
        """Those of others that reach the JVM from here, or could; the last one wins among them."""

    def without_managed(self) -> str | None:
        """Its text without ours, None for no file."""

    def with_managed(self, wanted: TruststoreArguments, others: t.Sequence[str]) -> str:
        """Its text with ours; ``others`` are what else reaches the JVM, whose password or type must not meet ours."""

    def arguments(self, text: str | None) -> list[str]:
        """The arguments that ``text`` gives."""


class StartScript:
    """The product's script: a block of ours extends the variable."""

    def __init__(
        self,
        path: str,
        before: str | None,
        layout: str,
        environment: t.Mapping[str, str],
        counted: t.Container[str] = (),
    ) -> None:
        """``environment`` is what the service gives it; of that, other places have ``counted``."""
        self.path = path
        self.before = before
        self._layout = layout
        self._environment = {VARIABLE: "", **environment}
        self._counted = counted
        self._original = start_script.without_block(before or "")

    def managed(self) -> list[str]:
        return start_script.block_arguments(self.before or "")

    def others(self) -> list[str]:
        found = [word for words in self._given(self._original) for word in words if word.startswith(TRUST_PREFIX)]
        return [word for word in dict.fromkeys(found) if word not in self._counted]

    def without_managed(self) -> str | None:
        return None if self.before is None else self._original

    def with_managed(self, wanted: TruststoreArguments, others: t.Sequence[str]) -> str:
        self._check_kept(start_script.with_block(self._original, _PROBE))
        changed = start_script.with_block(self._original, wanted, others)
        after = self.after_managed(start_script.with_block(self._original, _PROBE))
        if after and self._layout == "setenv":
            # What catalina.sh puts behind all others.
            changed = start_script.with_block_at_end(self._original, wanted, others)
            after = self.after_managed(start_script.with_block_at_end(self._original, _PROBE))
        self.check_after(after)
        return changed

    def arguments(self, text: str | None) -> list[str]:
        return start_script.block_arguments(text or "")

    def after_managed(self, script: str, variable: str | None = None) -> list[str]:
        """The truststore's arguments that the JVM gets after ours, which stand in ``script`` or in ``variable``."""
        found: list[str] = []
        for words in self._given(script, variable):
            places = [number for number, word in enumerate(words) if word == PATH_ARGUMENT + _HERE]
            found += [word for word in words[places[-1] + 1 :] if word.startswith(TRUST_PREFIX)] if places else []
        return [word for word in found if word not in _OF_THE_PROBE]

    def check_after(self, after: t.Sequence[str]) -> None:
        """Raise :class:`StashMailError` for arguments that would win over ours for certain."""
        certain = [word for word in after if _is_certain(word) and not word.endswith("=")]
        if certain:
            raise StashMailError(
                f"{self.path} gives {printable(mask_argument(certain[-1]))} after {VARIABLE}, and the last one wins: "
                "the managed truststore would have no effect. Take it out of there; to keep the certificates in that "
                "file, name it as the base of the truststore."
            )

    def _check_kept(self, script: str) -> None:
        """Raise :class:`StashMailError` where the variable is set anew after our block, such as by what is read in."""
        own = self._given(script)[0]
        if PATH_ARGUMENT + _HERE not in own and all(map(_is_certain, own)) and PATH_ARGUMENT + _HERE in script:
            raise StashMailError(
                f"{self.path} reads in a script that sets {VARIABLE} anew, and what stands before is lost: the managed "
                f'truststore would have no effect. Have it extend the value, {VARIABLE}="${VARIABLE} ...", or '
                f"set it in {self.path}."
            )

    def check_heard(self) -> None:
        """As :meth:`check_after`, for arguments that come by the environment and not by our block."""
        self.check_after(self.after_managed(self._original, f"{self._environment[VARIABLE]} {PATH_ARGUMENT}{_HERE}"))

    def _given(self, script: str, variable: str | None = None) -> list[list[str]]:
        """The words that the JVM would get, as far as can be told: of each command, and of the usual variables."""
        environment = self._environment if variable is None else {**self._environment, VARIABLE: variable}
        reading = shell.read(script, environment, self._sourced)
        usual = [shell.words_of(reading.variables.get(name, "")) for name in ("JAVA_OPTS", "CATALINA_OPTS")]
        own = shell.words_of(reading.variables.get(VARIABLE, ""))
        # The last is the one that counts where there are several.
        return [own, *(_mark(call) for call in reading.calls), usual[0] + usual[1]]

    def _sourced(self, word: str) -> str:
        name = os.path.basename(word.strip("\"'"))
        return read_text(os.path.join(os.path.dirname(self.path), name)) if name.endswith(".sh") else ""


class DropIn:
    """A drop-in of the service: the arguments of the unit are repeated in it, since it replaces them."""

    def __init__(self, path: str, before: str | None, unit: systemd.Unit | None) -> None:
        self.path = path
        self.before = before
        self._unit = unit

    def managed(self) -> list[str]:
        return trust_arguments(self.arguments(self.before))

    def others(self) -> list[str]:
        setting = self._unit.environment.get(VARIABLE) if self._unit else None
        return trust_arguments(setting.value.split()) if setting else []

    def without_managed(self) -> str | None:
        return None

    def with_managed(self, wanted: TruststoreArguments, others: t.Sequence[str]) -> str:
        if self._unit is None:
            raise StashMailError("The service has no systemd unit: there is nothing that a drop-in could be of.")
        return start_script.drop_in(self._unit, wanted, [word for word in others if word not in self.others()])

    def arguments(self, text: str | None) -> list[str]:
        return start_script.drop_in_arguments(text or "")


class EnvironmentFile:
    """A file that a container gets its environment from: ours stand in its line of the variable."""

    def __init__(self, path: str, before: str | None) -> None:
        self.path = path
        self.before = before
        env_file.check(path, before or "")

    def managed(self) -> list[str]:
        return env_file.ours(self.before or "")

    def others(self) -> list[str]:
        return [*env_file.other_arguments(self.before or ""), *self._own()]

    def _own(self) -> list[str]:
        return trust_arguments(self.arguments(self.without_managed()))

    def without_managed(self) -> str | None:
        return None if self.before is None else env_file.remove_arguments(self.before)

    def with_managed(self, wanted: TruststoreArguments, others: t.Sequence[str]) -> str:
        own = self._own()
        outside = [*env_file.other_arguments(self.before or ""), *(word for word in others if word not in own)]
        return env_file.set_arguments(self.without_managed() or "", wanted, outside)

    def arguments(self, text: str | None) -> list[str]:
        return env_file.arguments(text or "")


def difference(place: Place, after: str | None) -> dict[str, str]:
    """What we change in a place, and nothing else that stands in it."""
    before, new = (
        [mask_argument(word) for word in trust_arguments(place.arguments(text))] for text in (place.before, after)
    )
    if before == new:
        old_words, new_words = place.arguments(place.before), place.arguments(after)
        if trust_arguments(old_words) != trust_arguments(new_words):
            new = [mask_argument(word, MASK_CHANGED) for word in trust_arguments(new_words)]
        else:
            new = [*new, "# the other arguments beside these, which are repeated here, have changed"]
    return {
        "before_header": place.path,
        "after_header": place.path,
        "before": "".join(f"{printable(line)}\n" for line in before),
        "after": "".join(f"{printable(line)}\n" for line in new),
    }


def last_path(arguments: t.Sequence[str]) -> str | None:
    """The path of the last truststore among arguments that reach the JVM for certain, None without one."""
    paths = [word[len(PATH_ARGUMENT) :] for word in arguments if word.startswith(PATH_ARGUMENT) and _is_certain(word)]
    return next((path for path in reversed(paths) if path), None)


def _is_certain(word: str) -> bool:
    return shell.OPEN not in word and shell.MAYBE not in word


def _mark(call: shell.Call) -> list[str]:
    return [word + shell.MAYBE if call.maybe and not word.endswith(shell.MAYBE) else word for word in call.words]
