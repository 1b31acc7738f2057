# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""One truststore made by our code in a process of its own: COLLECTIONS BASE BUNDLE STORE.

As p11-kit does it: a bundle of certificates is added as it is. The module also looks into each certificate, for its
alias and for warnings, which takes the cryptography library.
"""

import sys

sys.path.insert(0, sys.argv[1])

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store as store_file


def main(base: str, bundle: str, store: str) -> None:
    """Read, build, write and replace."""
    entries = store_file.read_store(_files.read(base, store_file.MAX_SIZE), store_file.DEFAULT_PASSWORD)
    additions = store_file.read_store(_files.read(bundle, store_file.MAX_SIZE), None)
    built = store_file.build(entries, additions)
    _files.replace(store, store_file.write_store(built.entries, "jks"))


if __name__ == "__main__":
    main(*sys.argv[2:])
