# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, group, mode and SELinux context of the truststore, as the module's options ask for them.

Ansible's own functions go by the path, which another account may have swapped by then. These go by the open file.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.run import only_root_changes

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


class Attributes:
    """What the options ask for; None means as it is. Made before anything is changed, so that bad input ends there.

    :raises StashMailError: for an unknown account or group, a mode that is none, or flags that cannot be set safely.
    """

    def __init__(self, module: AnsibleModule, params: t.Mapping[str, t.Any]) -> None:
        self._module = module
        self.uid = _number(params.get("owner"), "owner", lambda name: pwd.getpwnam(name).pw_uid)
        self.gid = _number(params.get("group"), "group", lambda name: grp.getgrnam(name).gr_gid)
        self.mode = params.get("mode")
        self.flags: str | None = params.get("attributes")
        options = module.load_file_common_arguments(params, path=os.path.realpath(params["path"]))
        self.context: list[str | None] = options.get("secontext") or []
        if self.mode is not None:
            self._bits(0o644)
        folder = os.path.dirname(os.path.realpath(params["path"]))
        if self.flags is not None and os.geteuid() == 0 and not only_root_changes(folder):
            raise StashMailError(
                f"attributes: {params['path']} is in a folder that another account can change or swap, where the flags "
                "of a file cannot be set safely. Leave attributes out, or name a path in a folder of root."
            )

    def apply(self, file: _files.Opened, write: bool = True) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
        """Give the file what is asked for, unless ``write`` is False; returns what differs, before and after."""
        info = os.fstat(file.descriptor)
        before: dict[str, t.Any] = {}
        after: dict[str, t.Any] = {}
        for name, old, new in (("owner", info.st_uid, self.uid), ("group", info.st_gid, self.gid)):
            if new is not None and old != new:
                before[name], after[name] = old, new
        mode = stat.S_IMODE(info.st_mode)
        wanted = mode if self.mode is None else self._bits(mode)
        if wanted != mode:
            before["mode"], after["mode"] = f"0{mode:o}", f"0{wanted:o}"
        try:
            if write and ("owner" in after or "group" in after):
                # Without a new one, -1 keeps the old.
                os.fchown(file.descriptor, after.get("owner", -1), after.get("group", -1))
            if write and (after.keys() & {"owner", "group", "mode"}):
                # After the owner, since changing that clears set-user-id bits.
                os.fchmod(file.descriptor, wanted)
        except OSError as error:
            raise StashMailError(f"{', '.join(sorted(after))} cannot be set: {error.strerror}.") from None
        self._apply_context(file, write, before, after)
        return before, after

    def apply_flags(self, path: str, changed: bool, diff: dict[str, t.Any]) -> bool:
        """Set the file system's flags (chattr), which go by path; returns whether something has changed."""
        if self.flags is None:
            return changed
        return bool(self._module.set_attributes_if_different(os.path.realpath(path), self.flags, changed, diff))

    def _apply_context(
        self, file: _files.Opened, write: bool, before: dict[str, t.Any], after: dict[str, t.Any]
    ) -> None:
        module = self._module
        if not (module.selinux_enabled() and any(part is not None for part in self.context)):
            return
        old = module.selinux_context(file.path)
        new = [part if wanted is None else wanted for part, wanted in zip(old, self.context)]
        if new != old:
            before["secontext"], after["secontext"] = old, new
            if write:
                module.set_context_if_different(file.path, new, False)

    def _bits(self, current: int) -> int:
        mode = self.mode
        text = str(mode)
        bits = mode if isinstance(mode, int) else int(text, 8) if re.fullmatch("[0-7]+", text) else None
        is_number = isinstance(mode, int) or bool(re.fullmatch(r"[1-9]\d{2,3}", text))
        # Without quotes YAML reads 0644 as the number 420, and 644 as another.
        if is_number and (bits is None or not _is_plain(bits)):
            read = "" if bits is None else f", so as {bits:04o} in octal"
            raise StashMailError(
                f"mode {text} would be read as a number{read}: write it in quotes, with a zero before it, as in "
                'mode: "0644".'
            )
        if bits is None:
            try:
                bits = self._module._symbolic_mode_to_octal(_Stat(stat.S_IFREG | current), text)
            except Exception:  # an index, a key, a value: whatever the text has made of its parts
                bits = None
        if bits is None or not 0 <= bits <= 0o7777:
            raise StashMailError(f'mode {text!r} is no mode of a file: write it as "0644", or as "u=rw,g=r,o=r".')
        return int(bits)


class _Stat(t.NamedTuple):
    st_mode: int


def _number(given: t.Any, option: str, look_up: t.Callable[[str], int]) -> int | None:
    """The id of an account or a group by name or number."""
    if given is None:
        return None
    text = str(given)
    if re.fullmatch("[0-9]{1,10}", text):
        return int(text)
    try:
        return look_up(text)
    except (KeyError, ValueError):
        raise StashMailError(
            f"{option} {text!r} is not known on the target. Create it first, or name another; nothing was changed."
        ) from None


def _is_plain(bits: int) -> bool:
    """Whether somebody would give a file this mode: none may do what those named before them may not."""
    owner, group, others = bits >> 6 & 7, bits >> 3 & 7, bits & 7
    if not 0 <= bits <= 0o777 or any(bit not in (0, 4, 5, 6, 7) for bit in (owner, group, others)):
        return False
    return owner & group == group and group & others == others
