# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the product is, which version, and which Java it runs on, found without being told.

Start scripts are read, never run. What one of them computes (`$(dirname ...)`) is taken only where its result is a
folder with a Java in it.
"""

from __future__ import annotations

import itertools
import os
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.home import JavaHome
from ansible_collections.stashops.mail.plugins.module_utils._java.run import who_changes
from ansible_collections.stashops.mail.plugins.module_utils._product import accounts, supervisor, systemd
from ansible_collections.stashops.mail.plugins.module_utils._product.process import Process, find_process

MAX_SCRIPT = 1024 * 1024
_MAX_VALUE = 4096  # no path is longer
# More than a product has, of each; whoever may write there could make any number of them, or of links to the same one.
_MAX_RECORDS = 20
_MAX_CANDIDATES = 100
INSTALL_ROOTS = ("/opt/atlassian/bitbucket", "/opt/atlassian/stash")
HOMES = {
    "bitbucket": "/var/atlassian/application-data/bitbucket",
    "stash": "/var/atlassian/application-data/stash",
}
# In the order in which the product's own scripts read them.
_JAVA_SCRIPTS = ("set-jre-home.sh", "setjre.sh", "setjre", "setenv.sh", "_start-webapp.sh", "start-webapp.sh")
_HOME_SCRIPTS = ("set-bitbucket-home.sh", "set-stash-home.sh", "setenv.sh")
_USER_SCRIPTS = ("set-bitbucket-user.sh", "set-stash-user.sh", "user.sh")
_OWN_SCRIPTS = (
    *(f"{action}-{name}.sh" for action in ("start", "stop") for name in ("bitbucket", "stash", "webapp")),
    "_start-webapp.sh",
    "catalina.sh",
    "startup.sh",
)
_START_SCRIPT = re.compile(r"(?<![\w.${}-])((?:/[\w.+-]+){1,20})/bin/_?(?:start|catalina|setenv)[\w-]*\.sh\b")
_CHANGE_INTO = re.compile(r"(?<![\w-])cd\s+[\"']?((?:/[\w.+-]+){1,20})/bin\b")
_A_FOLDER = re.compile(
    r"^[ \t]*(?:export[ \t]+)?[A-Za-z_]\w*=[\"']?((?:/[\w.+-]+){1,20})/?[\"']?[ \t]*(?:[;#].*)?$", re.MULTILINE
)
_SELF = re.compile(r"\$\{?(?:BIN_DIR|BINDIR|PRGDIR)\}?|(?:\$\(|`)\s*dirname\s+[^)`]*[)`]")
_INSTALL = re.compile(r"\$\{?(?:BITBUCKET_INST|STASH_INST|INST_DIR|INSTALL_DIR|CATALINA_HOME)\}?")


@dataclass(frozen=True)
class Java:
    """The Java that the product runs on, and what said so."""

    home: JavaHome
    source: str


@dataclass(frozen=True)
class Install:
    """An installation. ``layout`` names the script that sets the JVM's arguments."""

    path: str
    product: str
    version: str | None
    layout: str

    @property
    def arguments_file(self) -> str:
        """The script that holds ``JVM_SUPPORT_RECOMMENDED_ARGS``."""
        name = "_start-webapp.sh" if self.layout == "start_webapp" else "setenv.sh"
        return os.path.join(self.path, "bin", name)


@dataclass(frozen=True)
class Assignment:
    """A shell variable set in a script; ``conditional`` where the environment's own value comes first."""

    value: str
    path: str
    conditional: bool


def find_install(install_dir: str | None = None, service: str | None = None) -> Install | None:
    """The installation in ``install_dir``, else the one the service starts, runs, or that stands in the usual place.

    :raises StashMailError: if ``install_dir`` is given and holds no Stash or Bitbucket.
    """
    if install_dir:
        found = read_install(install_dir)
        if found is None:
            raise StashMailError(
                f"install_dir {install_dir} holds no Stash or Bitbucket: neither bin/_start-webapp.sh nor "
                "bin/setenv.sh is there. Give the folder with the version in its name, or none to have it found."
            )
        return found
    for candidate in itertools.islice(_install_candidates(service), _MAX_CANDIDATES):
        found = read_install(candidate)
        if found is not None:
            return found
    return None


def read_install(path: str) -> Install | None:
    """The installation in this folder, or None if it is not one."""
    scripts = os.path.join(path, "bin")
    if os.path.isfile(os.path.join(scripts, "_start-webapp.sh")):
        layout = "start_webapp"
    elif os.path.isfile(os.path.join(scripts, "setenv.sh")) and (_files.matching(scripts, "start-*.sh")):
        layout = "setenv"
    else:
        return None
    names = " ".join(_files.listed(scripts) + _files.listed(path)).lower()
    product = "stash" if "stash" in names and "bitbucket" not in names else "bitbucket"
    return Install(path.rstrip("/") or "/", product, _product_version(path), layout)


def find_home(home: str | None, install: Install | None, service: str | None, process: Process | None) -> str | None:
    """The product's home folder: given, in force in the process, set by the unit or a script, or the usual one."""
    if home:
        return home
    product = install.product if install else "bitbucket"
    if process:
        running = process.property(f"{product}.home")
        if running:
            return running
    for assignment in _settings(f"{product.upper()}_HOME", install, service, _HOME_SCRIPTS):
        if os.path.isabs(assignment.value):
            return assignment.value
    return HOMES[product] if os.path.isdir(HOMES[product]) else None


def find_shared_home(home: str, install: Install | None, service: str | None, process: Process | None) -> str:
    """The folder that the nodes of a cluster share and that holds the properties: given, or ``shared`` in the home."""
    product = install.product if install else "bitbucket"
    running = process.property(f"{product}.shared.home") if process else None
    if running:
        return running
    for assignment in _settings(f"{product.upper()}_SHARED_HOME", install, service, _HOME_SCRIPTS):
        if os.path.isabs(assignment.value):
            return assignment.value
    return os.path.join(home, "shared")


def find_user(install: Install | None, service: str | None, process: Process | None) -> str | None:
    """The account that the product runs under, as the process, the unit or its scripts say it."""
    if process:
        return process.user
    unit = systemd.find_unit(service) if service else None
    program = _supervised(service)
    said = (unit.user if unit else None) or (program.user if program else None)
    if said:
        return said
    for variable in ("ATL_USER", "BITBUCKET_USER", "STASH_USER"):
        for assignment in _settings(variable, install, None, _USER_SCRIPTS):
            if re.fullmatch(r"[A-Za-z_][\w.-]*", assignment.value) and _may_name(assignment):
                return assignment.value
    return None


def _may_name(account: Assignment) -> bool:
    """Whether a script may say that root is to run others as this account: whoever can change it names his own only."""
    own = (os.geteuid(), accounts.uid_of(account.value))
    try:
        return all(uid is not None and uid in own for uid in who_changes(account.path))
    except OSError:
        return False


def find_java(install_dir: str | None = None, java_home: str | None = None, service: str | None = None) -> Java:
    """The Java that the product runs on.

    Looked for in this order: ``java_home`` as given; ``JRE_HOME``, then ``JAVA_HOME``, of the start scripts and of
    the unit's environment; the ``jre`` bundled with the installation; the running process; the ``java`` that a shell
    would find.

    :raises StashMailError: if ``java_home`` or ``install_dir`` is wrong, or no Java is found.
    """
    if java_home:
        java = _java(java_home, "option java_home")
        if java is None:
            raise StashMailError(f"java_home {java_home} holds no Java: neither bin/java nor jre/bin/java is there.")
        return java
    service = systemd.find_service(service) if service else None
    install = find_install(install_dir, service)
    for home, source in _java_candidates(install, service):
        java = _java(home, source)
        if java is not None:
            return java
    raise StashMailError(
        "No Java was found: not in the product's start scripts, its jre folder, its running process or on the PATH. "
        "Name its folder with java_home, or the product's with install_dir."
    )


def find_wrappers(service: str | None) -> list[str]:
    """The scripts around the product's own that its service starts it by.

    They are of a unit's ``ExecStart``, in init.d, or the command of supervisord.
    """
    if not service:
        return []
    found = [path for path in _started(service) if os.path.basename(path) not in _OWN_SCRIPTS]
    found.append(systemd.init_script(service))
    return [path for path in dict.fromkeys(found) if read_text(path).startswith("#!")]


def variables(service: str | None) -> dict[str, str]:
    """What the service's start is given as its environment, by its unit or by supervisord."""
    unit = systemd.find_unit(service) if service else None
    program = _supervised(service)
    return unit.variables() if unit else program.environment if program else {}


def _supervised(service: str | None) -> supervisor.Program | None:
    """The product as a program of supervisord, where nothing else is its service."""
    return None if not service or systemd.is_service(service) else supervisor.find_program(service)


def _started(service: str | None) -> list[str]:
    """What the service starts, by absolute paths, whatever it is wrapped in."""
    unit = systemd.find_unit(service) if service else None
    program = _supervised(service)
    if unit:
        return systemd.programs(unit)
    return [word for word in program.command if os.path.isabs(word)] if program else []


def find_scripts(install: Install | None) -> dict[str, str] | None:
    """The product's own ``start`` and ``stop`` scripts, None where they are missing."""
    if install is None:
        return None
    found = {}
    for action in ("start", "stop"):
        path = os.path.join(install.path, "bin", f"{action}-{install.product}.sh")
        if not os.path.isfile(path):
            return None
        found[action] = path
    return found


def read_text(path: str) -> str:
    """A script's text, empty if it cannot be read or is none; bytes that are not UTF-8 survive a round trip."""
    try:
        return _files.read(path, MAX_SCRIPT).decode("utf-8", "surrogateescape")
    except StashMailError:
        return ""


def read_assignments(variable: str, path: str) -> list[Assignment]:
    """Where a shell script sets ``variable``, in order: quotes taken off, comments skipped."""
    return _assignments(variable, path, read_text(path))


def _assignments(variable: str, path: str, text: str) -> list[Assignment]:
    # [ -z "$VARIABLE" ] or [ "x$VARIABLE" = "x" ] before it: the environment's own value stands.
    tested = re.search(rf"-z\s+\"?x?\$\{{?{variable}\b|\"x?\$\{{?{variable}\}}?\"\s+=+\s+\"x?\"", text) is not None
    assignment = re.compile(
        rf"^[ \t]*(?:export[ \t]+)?{variable}=(\"[^\"\n]*\"|'[^'\n]*'|[^\s;#]*)",
        re.MULTILINE,
    )
    found = []
    for match in assignment.finditer(text):
        value = match.group(1)[:_MAX_VALUE]
        if value[:1] in ("'", '"'):
            value = value[1:-1]
        default = re.fullmatch(rf"\$\{{{variable}:?[-=](.*)\}}", value)
        found.append(Assignment(default.group(1) if default else value, path, tested or default is not None))
    return found


def _install_candidates(service: str | None) -> t.Iterator[str]:
    for path in _started(service):
        if "/bin/" in path:
            yield path.partition("/bin/")[0]
    unit = systemd.find_unit(service) if service else None
    for text in [*(systemd.commands(unit) if unit else []), *map(read_text, find_wrappers(service))]:
        for pattern in (_START_SCRIPT, _CHANGE_INTO):
            for match in pattern.finditer(text):
                yield match.group(1)
        # The folder may be a variable; what it comes to is seen where it is assigned.
        for match in _A_FOLDER.finditer(text):
            yield match.group(1)
    process = find_process(None, service)
    process = process or find_process(None, None)
    if process:
        for name in ("bitbucket.install", "stash.install", "catalina.base", "catalina.home"):
            yield process.property(name) or ""
        yield process.working_dir
        yield os.path.dirname(process.working_dir)
    for root in INSTALL_ROOTS:
        yield os.path.join(root, "current")
        yield from sorted(_files.matching(root, "*"), key=lambda path: _numbers(os.path.basename(path)), reverse=True)
        yield root


def _java_candidates(install: Install | None, service: str | None) -> t.Iterator[tuple[str, str]]:
    settings = [
        (assignment, variable)
        for variable in ("JRE_HOME", "JAVA_HOME")
        for assignment in _settings(variable, install, service, _JAVA_SCRIPTS)
    ]
    for assignment, variable in settings:
        yield assignment.value, f"{variable} in {assignment.path}"
    if install:
        yield os.path.join(install.path, "jre"), "bundled jre"
    process = find_process(install.path if install else None, service)
    if process and process.executable:
        yield os.path.dirname(os.path.dirname(process.executable)), f"running process {process.pid}"
    on_path = JavaHome.on_path()
    if on_path:
        yield on_path.path, f"PATH ({on_path.java})"


def _settings(
    variable: str, install: Install | None, service: str | None, scripts: t.Sequence[str]
) -> t.Iterator[Assignment]:
    """Who sets ``variable``, the one that wins first: a script, the environment, a script's default for its absence."""
    from_scripts = []
    paths = [os.path.join(install.path, "bin", name) for name in scripts] if install else []
    for path in [*paths, *find_wrappers(service)]:
        # The last assignment in a script is the one that stands.
        from_scripts += list(reversed(read_assignments(variable, path)))
    resolved = [
        Assignment(_expand(item.value, install.path if install else ""), item.path, item.conditional)
        for item in from_scripts
    ]
    yield from (item for item in resolved if not item.conditional)
    unit = systemd.find_unit(service) if service else None
    if unit:
        for path in reversed(unit.environment_files):
            yield from reversed(read_assignments(variable, path))
        if variable in unit.environment:
            setting = unit.environment[variable]
            yield Assignment(systemd.expand(setting.value, unit.name), setting.path, False)
    program = _supervised(service)
    if program and variable in program.environment:
        yield Assignment(program.environment[variable], program.path, False)
    yield from (item for item in resolved if item.conditional)


def _expand(value: str, install_dir: str) -> str:
    value = _SELF.sub(lambda _: os.path.join(install_dir, "bin"), value)
    value = _INSTALL.sub(lambda _: install_dir, value)
    return os.path.normpath(value) if os.path.isabs(value) else value


def _java(home: str, source: str) -> Java | None:
    java = JavaHome(home)
    return Java(java, source) if os.path.isabs(home) and java.java else None


def _product_version(path: str) -> str | None:
    # The web application's own build record, where it has one, knows better than a folder's name.
    records = _files.matching(path, "*", "META-INF", "maven", "com.atlassian.*", "*", "pom.properties")
    for record in records[:_MAX_RECORDS]:
        for assignment in read_assignments("version", record):
            return assignment.value
    match = re.search(r"\d+\.\d+(?:\.\d+)?", os.path.basename(os.path.realpath(path)))
    if match:
        return match.group()
    for record in _files.matching(path, "*", "WEB-INF", "classes", "build.properties")[:_MAX_RECORDS]:
        text = read_text(record)
        for variable in ("version", "build.version", "product.version", "bitbucket.version", "stash.version"):
            for assignment in _assignments(re.escape(variable), record, text):
                if re.fullmatch(r"\d+\.\d+[\w.-]*", assignment.value):
                    return assignment.value
    return _jar_version(path)


def _jar_version(path: str) -> str | None:
    """The version that most of the product's own libraries have in their names."""
    versions: dict[str, int] = {}
    for jar in _files.matching(path, "*", "WEB-INF", "lib", "*.jar") + _files.matching(path, "lib", "*.jar"):
        match = re.fullmatch(r"(?:bitbucket|stash)-[a-z-]+-(\d+\.\d+\.\d+)\.jar", os.path.basename(jar))
        if match:
            versions[match.group(1)] = versions.get(match.group(1), 0) + 1
    return max(versions, key=lambda version: (versions[version], _numbers(version))) if versions else None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))
