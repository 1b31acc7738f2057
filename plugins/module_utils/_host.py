# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module's logic sees of the run that it is part of, so that one module can ask what several answer."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

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

    def warn(self, text: str) -> None:
        """Tell the user something that is no error."""
        self.module.warn(text)


def finish(module: AnsibleModule, run: Run, params: t.Mapping[str, t.Any] | None = None) -> None:
    """End ``module`` with what ``run`` returns, or as failed with what it raises.

    ``params`` are those of the module, unless others are given.
    """
    try:
        result = run(Host(module), module.params if params is None else params)
    except StashMailError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(**result)
