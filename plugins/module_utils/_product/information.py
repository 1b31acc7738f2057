# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of an installation: where it is, its Java, its service, its process."""

from __future__ import annotations

import os
import pwd
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._java.run import account_for
from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs
from ansible_collections.stashops.mail.plugins.module_utils._product import supervisor, systemd
from ansible_collections.stashops.mail.plugins.module_utils._product.mail_library import find_javamail
from ansible_collections.stashops.mail.plugins.module_utils._product.process import describe, find_process


def run(host: Host, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The result of stash_mail_info; raises :class:`StashMailError`."""
    if params["behind"] or params["elsewhere"]:
        return _elsewhere(host, params)
    service = systemd.find_service(params["service"])
    install = installs.find_install(params["install_dir"], service)
    process = find_process(install.path if install else None, service)
    user = installs.find_user(install, service, process)
    return {
        "changed": False,
        "check_mode": host.check_mode,
        "install_dir": install.path if install else None,
        "product": install.product if install else None,
        "version": install.version if install else None,
        "layout": install.layout if install else None,
        "home": installs.find_home(params["home"], install, service, process),
        "user": user,
        "current_user": pwd.getpwuid(os.geteuid()).pw_name,
        "scripts": _scripts(install, user),
        "java": _java(install, params),
        "service": _service(service),
        "process": describe(process),
        "javamail": find_javamail(install),
        "cryptography": cryptography_version(),
    }


def _elsewhere(host: Host, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The product where a command leads to, if one does; of the files around it nothing is known from here."""
    from ansible_collections.stashops.mail.plugins.module_utils._product import behind

    unknown = ("install_dir", "product", "version", "layout", "scripts", "javamail")
    product, why = behind.find_if_there(params["behind"]) if params["behind"] else (behind.NOT_SEEN, "")
    if why:
        host.warn(f"{why}. Of the product's process and its Java nothing is known.")
    return {
        **dict.fromkeys(unknown),
        **behind.information(product),
        # One on this host that is named for what the product's Java would be asked for.
        **({"java": _java(None, params)} if params["elsewhere"] and params["java_home"] else {}),
        "changed": False,
        "check_mode": host.check_mode,
        # What its process calls its home is a folder there.
        "home": params["home"],
        "current_user": pwd.getpwuid(os.geteuid()).pw_name,
        "service": {"name": "", "exists": False, "manager": "none"},
        "cryptography": cryptography_version(),
    }


def _scripts(install: installs.Install | None, user: str | None) -> dict[str, str] | None:
    found = installs.find_scripts(install)
    if found is None:
        return None
    refused = ""
    if user in (None, "root"):
        try:
            account = account_for(found["start"])
        except StashMailError:
            refused = "accounts other than root"
        else:
            refused = account.name if account else ""
    return {**found, "refused": f"root would run them, and {refused} can change them" if refused else ""}


def _java(install: installs.Install | None, params: t.Mapping[str, t.Any]) -> dict[str, t.Any] | None:
    try:
        java = installs.find_java(install.path if install else None, params["java_home"], params["service"])
    except StashMailError:
        if params["java_home"]:
            raise
        return None
    home = java.home
    return {
        "home": home.path,
        "source": java.source,
        "version": home.version or None,
        "cacerts": home.cacerts() or None,
    }


def _service(name: str) -> dict[str, t.Any]:
    unit = systemd.find_unit(name) if name else None
    script = bool(name) and os.path.isfile(systemd.init_script(name))
    program = None if unit or script else supervisor.find_program(name)
    manager = "none"
    if unit and systemd.is_booted():
        manager = "systemd"
    elif script and not systemd.is_booted():
        manager = "sysv"
    elif program:
        manager = "supervisord"
    # What is restarted by that name.
    name = program.process if manager == "supervisord" and program else name
    return {"name": name, "exists": bool(unit or script or program), "manager": manager}


def cryptography_version() -> str | None:
    """Version of the Python library cryptography, None if it is missing."""
    try:
        import cryptography
    except ImportError:
        return None
    return str(cryptography.__version__)
