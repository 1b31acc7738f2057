# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files: replaced in one step, checked first, with owner, mode and SELinux context kept."""

from __future__ import annotations

import contextlib
import os
import tempfile
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def read_file(path: str) -> str | None:
    """The file's text, None if there is none; bytes that are not UTF-8 survive a round trip."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StashMailError(f"{path} cannot be read: {error.strerror}.") from None


def replace_file(
    module: AnsibleModule, path: str, text: str, mode: int | None = None, check: t.Sequence[str] | None = None
) -> None:
    """Replace ``path`` by ``text`` in one step.

    ``mode`` None keeps the mode. ``check`` is a command that gets the new file's path as its last argument; unless
    it returns 0 the old file stays and :class:`StashMailError` is raised.
    """
    folder = os.path.dirname(path)
    temporary = ""
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".stash_mail.")
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if check:
            code, _out, errors = module.run_command([*check, temporary])
            if code != 0:
                raise StashMailError(
                    f"{path} was left as it is: {' '.join(check)} refuses the new one: {errors.strip()}"
                )
        if mode is not None:
            os.chmod(temporary, mode)
        module.atomic_move(temporary, path, keep_dest_attrs=True)
        if mode is not None:
            module.set_mode_if_different(path, mode, False)
    except OSError as error:
        raise StashMailError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)


def remove_file(path: str) -> None:
    """Remove ``path``, and its folder if that is empty then."""
    try:
        os.unlink(path)
    except OSError as error:
        raise StashMailError(f"{path} cannot be removed: {error.strerror}.") from None
    with contextlib.suppress(OSError):  # Somebody else's files are in it.
        os.rmdir(os.path.dirname(path))
