#!/usr/bin/env python3
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install the stand-in: ``python3 tests/standin/install.py --install-dir D --home H --version 9.4.2``."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Lay out what the options ask for; returns the exit status."""
    # Run as a script there is no package yet; its modules import each other as one.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from tests.standin import layout
    from tests.standin.settings import Settings

    defaults = Settings()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install-dir", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    for field in dataclasses.fields(Settings):
        if field.name == "project_root":
            continue
        option = f"--{field.name.replace('_', '-')}"
        default = getattr(defaults, field.name)
        if isinstance(default, bool):
            parser.add_argument(option, action="store_true")
        else:
            parser.add_argument(option, type=type(default), default=default, help=f"default: {default!r}")
    parser.add_argument("--user", default="", help="system user to run as; created with --systemd")
    parser.add_argument("--users", type=Path, help="JSON file with the accounts, mode 0600")
    parser.add_argument("--java-home", type=Path, help="default: the one of java on the PATH")
    parser.add_argument("--no-java", action="store_true", help="bundle no Java")
    parser.add_argument("--launcher-class", type=Path, help="a compiled Launcher.class; default: compile it")
    parser.add_argument("--javamail", type=Path, default=Path("/usr/share/java"), help="directory of its jars")
    parser.add_argument("--systemd", action="store_true", help="write and enable the unit, create the user")
    parser.add_argument("--systemd-dir", type=Path, default=Path("/etc/systemd/system"))
    parser.add_argument("--unit-as-root", action="store_true", help="no User= in the unit: the script changes it")
    options = parser.parse_args(arguments)
    try:
        settings = Settings(
            **{
                field.name: getattr(options, field.name)
                for field in dataclasses.fields(Settings)
                if field.name != "project_root"
            }
        )
        users = None
        if options.users:
            if options.users.stat().st_mode & 0o077:
                raise ValueError(f"{options.users} holds passwords: make it mode 0600")
            users = options.users.read_text("utf-8")
        plan = layout.Plan(
            options.install_dir,
            options.home,
            settings,
            user=options.user,
            java_home=None if options.no_java else options.java_home or layout.find_java_home(),
            launcher=options.launcher_class,
            javamail=options.javamail,
            users=users,
        )
        if options.systemd and options.user:
            layout.create_system_user(options.user, options.home)
        layout.lay_out(plan)
        if options.systemd:
            unit_plan = dataclasses.replace(plan, user="") if options.unit_as_root else plan
            layout.write_unit(unit_plan, options.systemd_dir)
    except (ValueError, OSError, KeyError) as exception:
        parser.error(str(exception))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
