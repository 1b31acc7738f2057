# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laying an install out on disk as the product's installer does."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from .files import write_atomically
from .product import Product
from .settings import Settings
from .store import USERS_FILE, check_users

_HERE = Path(__file__).resolve().parent
_JARS = Path("/usr/share/java")


@dataclass(frozen=True)
class Plan:
    """What to lay out, and where.

    ``java_home`` becomes the bundled ``jre`` (a link); None: no bundled Java. ``launcher`` is a compiled
    ``Launcher.class``; None: compiled here where there is a javac. ``javamail`` is a directory holding
    ``javax.mail.jar`` and ``javax.activation.jar``. ``user`` is the one to run as; empty: whoever starts it.
    """

    install_dir: Path
    home: Path
    settings: Settings
    user: str = ""
    java_home: Path | None = None
    launcher: Path | None = None
    javamail: Path | None = _JARS
    users: str | None = None


def find_java_home() -> Path | None:
    """The Java that a plain ``java`` starts."""
    java = shutil.which("java")
    return Path(java).resolve().parent.parent if java else None


def compile_launcher(directory: Path, java_home: Path | None, javamail: Path) -> Path | None:
    """Compile Launcher.java for Java 8 and later into ``directory``; None where javac or JavaMail is missing."""
    candidates = [str(java_home / "bin/javac")] if java_home else []
    javac = next(filter(None, map(shutil.which, [*candidates, "javac"])), None)
    jar = javamail / "javax.mail.jar"
    if javac is None or not jar.exists():
        return None
    command = [javac, "--release", "8", "-Xlint:-options", "-cp", str(jar), "-d", str(directory)]
    result = subprocess.run([*command, str(_HERE / "Launcher.java")], capture_output=True, text=True, timeout=120)
    if result.returncode != 0:
        raise RuntimeError(f"Launcher.java does not compile:\n{result.stderr}")
    return directory / "Launcher.class"


def lay_out(plan: Plan) -> None:
    """Write install and home; what is there already is overwritten, except the home's own files.

    Raises ValueError for what cannot be used, before anything is written.
    """
    for path in (plan.install_dir, plan.home):
        # The start scripts of the product split their lists at blanks.
        if not path.is_absolute() or any(char in str(path) for char in " \t\n'\"\\$`"):
            raise ValueError(f"{path} must be an absolute path without blanks, quotes, $ and backslashes")
    if plan.users is not None:
        check_users(plan.users)
    _write_programs(plan)
    _write_scripts(plan)
    _write_home(plan)


def _write_programs(plan: Plan) -> None:
    install, product = plan.install_dir, plan.settings.product
    package = install / "lib/python/standin"
    own = install / "lib/standin"
    jars = install / product.web_root / "WEB-INF/lib"
    for directory in (package, own, jars):
        directory.mkdir(parents=True, exist_ok=True)
    for source in _HERE.glob("*.py"):
        shutil.copy(source, package)
    if plan.javamail is not None:
        for name in ("javax.mail.jar", "javax.activation.jar"):
            if (plan.javamail / name).exists():
                shutil.copy(plan.javamail / name, jars / name)
    if plan.launcher is not None:
        shutil.copy(plan.launcher, own / "Launcher.class")
    elif plan.javamail is not None:
        compile_launcher(own, plan.java_home, plan.javamail)
    bundled = install / "jre"
    bundled.unlink(missing_ok=True)
    if plan.java_home is not None:
        bundled.symlink_to(plan.java_home)
    root = _HERE.parent.parent
    known = root if (root / "plugins/module_utils").is_dir() else None
    replace(plan.settings, project_root=str(known or "")).save(install)


def _write_scripts(plan: Plan) -> None:
    product, install = plan.settings.product, plan.install_dir
    scripts = _HERE / "scripts"
    words = {
        "@HOME@": str(plan.home),
        "@USER@": plan.user,
        "PRODUCT_": f"{product.name.upper()}_",
        "@name@": product.name,
        "@PYTHON@": sys.executable,
    }
    (install / "bin").mkdir(exist_ok=True)
    for source in sorted(scripts.joinpath(product.layout).iterdir()):
        # The old layout's scripts carry the product's name: start-stash.sh, start-bitbucket.sh.
        named = product.layout == "setenv" and source.stem in ("start", "stop")
        name = f"{source.stem}-{product.name}.sh" if named else source.name
        _fill(source, install / "bin" / name, words)
    _fill(scripts / "common/set-jre-home.sh", install / "bin/set-jre-home.sh", words)
    for name in ("run.sh", "stop.sh", "process.sh"):
        _fill(scripts / "common" / name, install / "lib/standin" / name, words)


def _fill(source: Path, target: Path, words: dict[str, str]) -> None:
    text = source.read_text("utf-8")
    for word, value in words.items():
        text = text.replace(word, value)
    write_atomically(target, text, mode=0o755)


def _write_home(plan: Plan) -> None:
    product, settings = plan.settings.product, plan.settings
    for directory in (plan.home, plan.home / "log", plan.home / "shared"):
        directory.mkdir(parents=True, exist_ok=True)
    properties = plan.home / product.properties_file
    if not properties.exists():
        lines = [
            "# Settings of the product that are read at its start.",
            f"setup.displayName={product.display_name}",
            f"setup.baseUrl={settings.url}",
            f"server.port={settings.port}",
            f"server.address={settings.bind}",
        ]
        write_atomically(properties, "\n".join(lines) + "\n", mode=0o640)
    if plan.users is not None:
        write_atomically(plan.home / USERS_FILE, plan.users, mode=0o600)
    if plan.user and os.geteuid() == 0:
        owner = pwd.getpwnam(plan.user)
        for path in (plan.home, *plan.home.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def create_system_user(name: str, home: Path) -> None:
    """Create the system user unless it exists. It needs a shell: the start script logs in as it."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--home-dir", str(home), "--shell", "/bin/sh", name]
        subprocess.run(command, check=True, timeout=60)


def write_unit(plan: Plan, directory: Path) -> Path:
    """Write and enable the systemd unit, without talking to systemd: it may not be running."""
    product: Product = plan.settings.product
    bin_dir = plan.install_dir / "bin"
    user = f"User={plan.user}\n" if plan.user else ""
    text = (
        f"[Unit]\nDescription={product.display_name} (stand-in)\nAfter=network.target\n\n"
        f"[Service]\nType=forking\n{user}"
        f"ExecStart={bin_dir}/start-{product.name}.sh --no-search\n"
        f"ExecStop={bin_dir}/stop-{product.name}.sh\n\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    unit = directory / f"{product.service}.service"
    wants = directory / "multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    write_atomically(unit, text, mode=0o644)
    link = wants / unit.name
    link.unlink(missing_ok=True)
    link.symlink_to(f"../{unit.name}")
    return unit
