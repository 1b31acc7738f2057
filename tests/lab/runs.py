# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the playbooks against the lab, with a scenario's variables and changes to them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import packed
from tests.lab import leaks
from tests.lab.lab import ROOT, Lab

LOGS = ROOT / ".cache/logs/molecule/runs"
# A rotation of a cluster has some minutes where other things run too.
RUN_SECONDS = 700
_RECAP = re.compile(r"^(node\d) +: .*\bchanged=(\d+)", re.MULTILINE)
# What a task has failed with: the result is indented.
_FATAL = re.compile(r"^fatal: .*\n(?: .*\n)*", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What a run left: exit status, number of changed tasks by node, all of its output, and where that is logged."""

    code: int
    changes: dict[str, int]
    output: str
    log: Path

    @property
    def changed(self) -> int:
        """Number of changed tasks on all nodes."""
        return sum(self.changes.values())

    @property
    def shown(self) -> str:
        """The output in one line: the callback folds long ones."""
        return re.sub(r"\s+", " ", self.output)

    @property
    def in_preflight(self) -> bool:
        """Whether the run failed before the first node was touched."""
        before, _, _ = self.output.partition("PLAY [Provision the nodes")
        return "PLAY [Ask all hosts everything" in before and "\n[ERROR]: " in before

    @property
    def error(self) -> str:
        """The message that the run failed with, behind the name of the task; empty if it did not fail."""
        before, _, after = self.output.partition("\n[ERROR]: ")
        return f"{before.rpartition('TASK [')[2].partition(']')[0]}: {after.partition('Origin: ')[0]}" if after else ""

    @property
    def evidence(self) -> str:
        """For an assertion's message: where all of it is, and the end, without what follows the error."""
        text = self.output[: match.end()] if (match := _FATAL.search(self.output)) else self.output
        end = "\n".join(text.splitlines()[-60:])
        return f"exit status {self.code}, all of it: {self.log.relative_to(ROOT)}\n{self.error}\n{end}"


class Runs:
    """Runs playbooks at -vvvv and --diff; after each, no password may stand in the output or in Ansible's files.

    ``folder`` is for the files of the runs.
    """

    def __init__(self, lab: Lab, scenario: str, folder: Path) -> None:
        self.lab, self.scenario, self.folder = lab, scenario, folder

    def __call__(
        self, *options: str, playbook: str = "provision", secrets: tuple[str, ...] = (), **changes: Any
    ) -> Run:
        """``changes`` are role variables without their prefix, ``secrets`` those of them that must not be seen."""
        variables = {f"stash_mail_{name}": value for name, value in changes.items()}
        return self._play(f"playbooks/{playbook}.yml", variables, options, secrets)

    def ask(self, *asked: dict[str, Any]) -> tuple[Run, list[dict[str, Any]]]:
        """Run the modules for themselves (tests/lab/playbooks/ask.yml); returns the results too, probes before sends.

        ``asked`` has port, security and account (whether to log in); a send has a mailbox to look into as well
        (recipient or sender), by which protocol (imap or pop3), and may have another sender, dsn and greylist_wait.
        """
        answers = self.folder / "answers.json"
        variables = {"lab_asked": asked, "lab_answers": str(answers)}
        run = self._play("tests/lab/playbooks/ask.yml", variables)
        assert run.code == 0, run.evidence
        results: list[dict[str, Any]] = json.loads(answers.read_text("utf-8"))
        assert len(results) == len(asked), run.evidence
        return run, results

    def _play(
        self, playbook: str, variables: dict[str, Any], options: tuple[str, ...] = (), secrets: tuple[str, ...] = ()
    ) -> Run:
        changes_file = self.folder / "changes.json"
        changes_file.write_text(json.dumps(variables))
        LOGS.mkdir(parents=True, exist_ok=True)
        log = LOGS / f"{self.scenario}-{len(list(LOGS.glob(f'{self.scenario}-*'))) + 1:02}.log"
        kept = {name: str(self.folder / name) for name in ("facts", "ansible.log", "local")}
        own = (ROOT / "molecule" / self.scenario).glob("inventory")
        # At once into the log: what a run has said that is ended for its length is worth most.
        with log.open("w") as output:
            status = subprocess.run(
                [
                    str(Path(sys.executable).parent / "ansible-playbook"),
                    *("-vvvv", "--diff", "--inventory", str(ROOT / "tests/lab/playbooks/inventory")),
                    *(option for path in own for option in ("--inventory", str(path))),
                    *("--extra-vars", f"@{ROOT / 'molecule' / self.scenario / 'vars/scenario.yml'}"),
                    *("--extra-vars", f"@{changes_file}", *options),
                    str(ROOT / playbook),
                ],
                cwd=ROOT,
                env=os.environ
                | packed.environment()
                | {
                    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                    "ANSIBLE_NOCOLOR": "1",
                    # With what each module was called with, which ansible-core 2.21 leaves out otherwise.
                    "ANSIBLE_INJECT_INVOCATION": "1",
                    "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
                    "ANSIBLE_CACHE_PLUGIN_CONNECTION": kept["facts"],
                    "ANSIBLE_LOG_PATH": kept["ansible.log"],
                    "ANSIBLE_LOCAL_TEMP": kept["local"],
                    "MOLECULE_PROJECT_DIRECTORY": str(ROOT),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=RUN_SECONDS,
                check=False,
            ).returncode
        changes_file.unlink()
        text = log.read_text("utf-8")
        run = Run(status, {node: int(changed) for node, changed in _RECAP.findall(text)}, text, log)
        assert run.changes, run.evidence
        self.assert_nothing_shown(run, [*self.lab.passwords(), *secrets])
        return run

    def assert_nothing_shown(self, run: Run, secrets: list[str]) -> None:
        """Fail where a secret stands in the output, the log, the fact cache or what is left of temporary files."""
        assert "EXEC" in run.output, "the output of -vvvv"
        assert not leaks.in_text(run.output, secrets), f"a password is in {run.log}"
        left = [path for path in self.folder.rglob("*") if path.is_file()]
        assert self.folder / "ansible.log" in left
        for path in left:
            assert not leaks.in_text(path.read_text("utf-8", "replace"), secrets), f"a password is in {path.name}"
