# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""keytool as a child: whose account it gets, what it is told how, and that it leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._java.run import Account
from ansible_collections.stashops.mail.plugins.module_utils._truststore import pkcs12_encrypted
from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry, TruststoreError
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.unit.truststore.factory import make

ROOT = Path(__file__).resolve().parents[3]
OWNER = 12345
MADE = make("Company Root CA")
PASSWORD = "s3cret of the base"
KEYTOOL = shutil.which("keytool")
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other accounts")

LISTING = f"""#!/bin/sh
id -u >"${{0%/*}}/uid"
echo "$@" >"${{0%/*}}/arguments"
for argument; do last=$argument; done
cat "$last" >"${{0%/*}}/password"
cat <<END
Alias name: company
{MADE.pem}
END
"""


@pytest.fixture
def folder() -> t.Iterator[Path]:
    # Not pytest's own, which is for its owner only.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def fake_keytool(folder: Path, script: str, owner: int = OWNER) -> Path:
    program = folder / "java" / "bin" / "keytool"
    program.parent.mkdir(parents=True)
    program.write_text(script)
    program.chmod(0o755)
    if os.geteuid() == 0:
        for path in (program, program.parent, program.parent.parent):
            os.chown(path, owner, owner)
    return program


@only_root
@pytest.mark.parametrize("owner", [0, OWNER])
def test_it_runs_as_its_owner(folder: Path, owner: int) -> None:
    """A script in its place ran as root, where the folder belongs to the product's account."""
    program = fake_keytool(folder, LISTING, owner)
    assert pkcs12_encrypted.read(b"store", PASSWORD, str(program)) == [Entry("company", MADE.der)]
    assert (program.parent / "uid").read_text().strip() == str(owner)
    assert (program.parent / "password").read_text() == PASSWORD
    assert PASSWORD not in (program.parent / "arguments").read_text()


@only_root
@pytest.mark.skipif(KEYTOOL is None, reason="no keytool on the search path")
def test_the_real_one_reads_as_another_account() -> None:
    data = pkcs12.serialize_java_truststore(
        [pkcs12.PKCS12Certificate(MADE.certificate, b"company")], BestAvailableEncryption(PASSWORD.encode())
    )
    account = Account(65534, 65534, [], "nobody")
    found = pkcs12_encrypted._read_with_keytool(data, PASSWORD, str(KEYTOOL), account)
    assert found == [Entry("company", MADE.der)]
    with pytest.raises(TruststoreError, match="password is wrong"):
        pkcs12_encrypted._read_with_keytool(data, "other", str(KEYTOOL), account)


def test_what_it_says_cannot_command_a_terminal(folder: Path) -> None:
    program = fake_keytool(folder, "#!/bin/sh\nprintf 'keytool error: \\033[31mbad\\n'\nexit 1\n")
    with pytest.raises(TruststoreError, match=r"keytool error: \\x1b\[31mbad"):
        pkcs12_encrypted.read(b"store", PASSWORD, str(program))


def test_one_that_never_ends(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkcs12_encrypted, "_KEYTOOL_SECONDS", 0.5)
    program = fake_keytool(folder, "#!/bin/sh\nexec sleep 60\n")
    started = time.monotonic()
    with pytest.raises(TruststoreError, match=r"still at it after 0\.5 seconds"):
        pkcs12_encrypted.read(b"store", PASSWORD, str(program))
    assert time.monotonic() - started < 10


READ = """
import sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.stashops.mail.plugins.module_utils._truststore import pkcs12_encrypted
pkcs12_encrypted.read(b"store", sys.stdin.read(), sys.argv[2])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_killed_while_it_runs(folder: Path, number: signal.Signals) -> None:
    """Neither the password in a file nor the child is left, and a Java lived on for 10 seconds and more."""
    script = '#!/bin/sh\necho $$ >"${0%/*}/new" && mv "${0%/*}/new" "${0%/*}/pid"\nexec sleep 60\n'
    program = fake_keytool(folder, script)
    temporary = folder / "tmp"
    temporary.mkdir(mode=0o777)
    command = [sys.executable, "-I", "-S", "-c", READ, str(ROOT / "collections"), str(program)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={"TMPDIR": str(temporary)}) as process:
        assert process.stdin is not None
        process.stdin.write(PASSWORD.encode())
        process.stdin.close()
        pid = int(wait_for(program.parent / "pid").read_text())
        process.send_signal(number)
    assert process.returncode == -number
    end = time.monotonic() + 5
    while runs(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not runs(pid)
    assert list(temporary.iterdir()) == []


def wait_for(path: Path) -> Path:
    end = time.monotonic() + 30
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return path


def runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
