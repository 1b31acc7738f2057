# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of module_utils are layers: each imports from layers below its own, none from beside or above."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UTILS = ROOT / "plugins" / "module_utils"
PREFIX = "ansible_collections.stashops.mail.plugins."
MODULE_UTILS = PREFIX + "module_utils."

# The topmost first, as docs/architecture.md draws them.
LAYERS = (
    {"_plan"},
    {"_smtp", "_bitbucket"},
    {"_verdict"},
    {"_truststore"},
    {"_product", "_mailbox"},
    {"_x509", "_java", "_net", "_inputs"},
    {"_files"},
    {"_host"},
    {"_secrets", "_errors"},
)
HEIGHT = {room: len(LAYERS) - number for number, layer in enumerate(LAYERS) for room in layer}


def imported(path: Path) -> set[str]:
    """The names that a file imports from the collection's plugins, ``module_utils._net.deadline`` for one."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(PREFIX.rstrip(".")):
            assert node.level == 0
            names |= {f"{node.module}.{alias.name}".removeprefix(PREFIX) for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name.removeprefix(PREFIX) for alias in node.names if alias.name.startswith(PREFIX)}
    return names


def room_of(path: Path) -> str:
    return path.relative_to(UTILS).parts[0].removesuffix(".py")


FILES = sorted(UTILS.rglob("*.py"))


def test_every_room_has_a_layer() -> None:
    assert {room_of(path) for path in FILES} <= set(HEIGHT)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(UTILS)))
def test_imports_go_down(path: Path) -> None:
    room = room_of(path)
    rooms = {name.split(".")[1] for name in imported(path) if name.startswith("module_utils.")}
    upward = sorted(other for other in rooms if other != room and HEIGHT[other] >= HEIGHT[room])
    assert not upward, f"{room} imports from {', '.join(upward)}, which is not below it"
    assert all(name.startswith("module_utils.") for name in imported(path)), "no other plugins, only module_utils"


def test_imports_inside_functions_count(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.write_text(f"def run():\n    if True:\n        from {MODULE_UTILS}_smtp import probe\n", "utf-8")
    assert imported(file) == {"module_utils._smtp.probe"}


def test_the_documentation_draws_these_layers() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    picture = text.split("## Layers\n", 1)[1].split("```\n")[1]
    drawn = [{word for word in line[:40].split() if word.startswith("_")} for line in picture.splitlines()]
    assert drawn == list(LAYERS)
