# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module's logic sees of the run that it is part of, so that one module can ask what several answer."""

from __future__ import annotations

import os
import traceback
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._secrets import (
    Redactor,
    harmless,
    is_secret,
    of_account,
    printable,
)

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

Run = t.Callable[["Host", t.Mapping[str, t.Any]], "dict[str, t.Any]"]


class Host:
    """The machine and the kind of run, without a module's parameters and without its end.

    ``check_mode``: whether nothing may be changed. ``shows_diff``: whether the differences are asked for.
    ``module``: Ansible's own functions for files and commands.
    """

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.check_mode: bool = module.check_mode
        self.shows_diff: bool = module._diff

    @property
    def redactor(self) -> Redactor:
        """What knows the secrets of this run, as far as they are known by now."""
        return _redactor(self.module)

    def warn(self, text: str) -> None:
        """Tell the user something that is no error."""
        self.module.warn(printable(self.redactor.text(text)))


def finish(module: AnsibleModule, run: Run, params: t.Mapping[str, t.Any] | None = None) -> None:
    """End ``module`` with what ``run`` returns, or as failed with what it raises.

    ``params`` are those of the module, unless others are given.
    """
    from ansible.module_utils.common.parameters import remove_values

    host = Host(module)
    failed = True
    try:
        result = run(host, module.params if params is None else params)
        failed = False
    except StashMailError as error:
        result = {"msg": str(error), **error.details}
    except Exception as error:
        result = {"msg": unexpected(error), "code": "unexpected"}
    # Outside of the except, where Ansible would add a traceback.
    result = harmless(host.redactor.value(result))
    # Ansible's own masking replaces every piece of text and number that equals a password, codes among them: it serves
    # for what was given, and has nothing left to do in the result.
    result["invocation"] = {"module_args": remove_values(module.params, module.no_log_values)}
    module.no_log_values = set()
    if failed:
        module.fail_json(**result)
    module.exit_json(**result)


def unexpected(error: Exception) -> str:
    """What is said of an error that nobody expected: its kind and place, for its text could hold a secret."""
    kind = type(error).__name__
    # Without the first, which is here.
    frames = traceback.extract_tb(error.__traceback__)[1:]
    ours = [frame for frame in frames if "stashops" in frame.filename] or frames
    place = f"{os.path.basename(ours[-1].filename)} line {ours[-1].lineno}, in {ours[-1].name}" if ours else "its start"
    return (
        f"The module met what it does not expect ({kind} at {place}). Its text is not shown, since it could hold a "
        "secret. Whether something was changed is not known: run again with --check. Please report this."
    )


def _redactor(module: AnsibleModule) -> Redactor:
    """Return what knows every secret of this run, and what was given openly."""
    secrets = {str(secret) for secret in module.no_log_values}
    given: set[str] = set()
    for params in _dicts(module.params):
        for name, value in params.items():
            if isinstance(value, str) and not is_secret(name):
                given.add(value)
            if name.endswith("password") and isinstance(value, str):
                user = params.get(name[: -len("password")] + "username")
                secrets.update(of_account(user if isinstance(user, str) else "", value))
    return Redactor(secrets, given)


def _dicts(params: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """The parameters, and what among them has options of its own."""
    yield params
    for item in params.values():
        if isinstance(item, dict):
            yield from _dicts(item)
