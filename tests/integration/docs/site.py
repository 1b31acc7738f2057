# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.integration.docs.site FOLDER``: do what the README's five minutes say, at a site of its names.

Run by test_readme.py in namespaces of its own for network, files and processes: there ``smtp.example.com`` is a mail
server on port 587, ``bitbucket.example.com`` has the stand-in where the product's installer puts it, and what the role
writes below /etc is gone at the end. Only the way to the host is not SSH: Ansible's configuration says ``local``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import yaml

from tests.imap_server import ImapServer
from tests.integration.docs.blocks import Command, File, section, steps
from tests.integration.docs.checkout import ROOT, copy_checkout, run
from tests.integration.docs.reader import Reader
from tests.mail_server import MailServer, authority, leaf
from tests.standin import Standin
from tests.standin.runner import Credentials
from tests.standin.settings import Settings

REPOSITORY = "https://github.com/stashops/stash_mail.git"
INSTALL = Path("/opt/atlassian/bitbucket/9.4.2")
HOME = Path("/var/atlassian/application-data/bitbucket")
NAMES = ("smtp.example.com", "imap.example.com", "bitbucket.example.com")
VAULT = "inventory/group_vars/bitbucket/vault.yml"
VARIABLES = "inventory/group_vars/bitbucket/mail.yml"


def main() -> int:
    folder = Path(sys.argv[1])
    todo = steps(section((ROOT / "README.md").read_text("utf-8"), "## Five minutes to a real Bitbucket"))
    given = {step.path: yaml.safe_load(step.content) for step in todo if isinstance(step, File)}
    passwords, wanted = given[VAULT], given[VARIABLES]
    _own_files(folder)
    ca = authority("Example CA")
    certificate = leaf(ca, NAMES[0], sans=NAMES, days=(-1, 365))
    chain, key = certificate.write(folder)
    maildir = folder / "Maildir"
    mailbox = wanted["stash_mail_imap"]
    with (
        MailServer(
            wanted["stash_mail_security"],
            maildir_path=maildir,
            port=wanted["stash_mail_port"],
            username=wanted["stash_mail_username"],
            password=passwords["vault_stash_mail_password"],
            certificate=certificate,
            hostname=wanted["stash_mail_host"],
        ) as smtp,
        ImapServer(
            maildir, mailbox["username"], passwords["vault_stash_mail_imap_password"], chain, key, port=mailbox["port"]
        ),
        _product(folder, wanted, passwords["vault_stash_mail_bitbucket_admin_password"]) as bitbucket,
    ):
        work = folder / "work"
        work.mkdir()
        (work / "mail-ca.pem").write_text(ca.pem)
        reader = Reader(work, _environment(folder), "the password of the vault")
        for step in todo:
            if isinstance(step, Command):
                print(reader.follow(step), flush=True)
            else:
                reader.follow(step)
                print(f"(wrote {step.path})", flush=True)
        settings = bitbucket.call("GET", "/rest/api/latest/admin/mail-server", bitbucket.sysadmin).body
        assert settings["hostname"] == wanted["stash_mail_host"], settings
        assert "ANSIBLE_VAULT" in (work / VAULT).read_text()
        assert len(smtp.messages) == 1, "one message, by the run that was no check"
        arguments = Path(f"/proc/{bitbucket.pid}/cmdline").read_text().split("\0")
        assert "-Djavax.net.ssl.trustStore=/etc/stash_mail/cacerts" in arguments, arguments
        print(f"{reader.commands} commands of the README ended as it says, and the message is in the mailbox.")
    return 0


def _own_files(folder: Path) -> None:
    """Names and folders of this namespace only."""
    layers = folder / "layers"
    layers.mkdir()
    run("mount", "-t", "tmpfs", "tmpfs", str(layers))
    for top in ("/etc", "/opt", "/var"):
        upper, work = (layers / f"{top[1:]}-{part}" for part in ("upper", "work"))
        upper.mkdir()
        work.mkdir()
        run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={top},upperdir={upper},workdir={work}", top)
    Path("/etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.0.1 {' '.join(NAMES)} {os.uname().nodename}\n")
    run("ip", "link", "set", "lo", "up")


def _product(folder: Path, wanted: dict[str, object], password: str) -> Standin:
    """The stand-in where the installer of the product puts it, with the administrator that the page names."""
    product = Standin(folder, Settings())
    product.install_dir, product.home = INSTALL, HOME
    product.settings = Settings()
    product.sysadmin = Credentials(str(wanted["stash_mail_bitbucket_admin_user"]), password)
    product.admin = Credentials("another", product.admin.password)
    return product


def _environment(folder: Path) -> dict[str, str]:
    """A reader's, who has nothing but Ansible; the repository is a copy of this checkout."""
    repository, home = copy_checkout(folder / "repository"), folder / "reader"
    home.mkdir()
    git = ["git", "-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-C", str(repository)]
    for arguments in (["init", "--quiet"], ["add", "--force", "."], ["commit", "--quiet", "--message", "As it is"]):
        run(*git, *arguments)
    return {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "COLUMNS": "160",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": REPOSITORY,
        "ANSIBLE_TRANSPORT": "local",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }


if __name__ == "__main__":
    sys.exit(main())
