#!/usr/bin/env python3
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the test containers' images from Debian packages, each once for one content.

No registry is needed: mmdebstrap makes the packages' root file system from the mirror of this machine, podman imports
it and puts the repository's own files on it. A tag is the hash of all that goes into an image except the packages'
versions; an image with that tag is not built again. The output is a JSON object with the tag of each image.

An image is a folder beside this file:

image.toml   `suite` and `packages`, or `packages_of` (an image that has what this one needs, so that they are installed
             once), and `[[copy]]` tables with `source` (from the root of the repository) and `target`
files/       copied to / as it is
host.sh      optional: run here from the root of the repository, writes below the folder that is its argument, which
             is copied to / too
setup.sh     optional: run inside at the end, without a network

The containers.conf that podman needs here (engine.py) is written to .cache/ on the way, for CONTAINERS_CONF to name.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import fcntl
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
REPOSITORY = "localhost/stash_mail"
# Where setup.sh lies inside while it runs.
SETUP = "tmp/setup.sh"
CONTAINERS_CONF = ROOT / ".cache/containers.conf"
BUILDER = Path(__file__).read_bytes()
# A build takes about a minute; this is for a mirror that hangs.
BUILD_SECONDS = 900
# Nobody reads them in a test container, and unpacking them takes time.
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")


class BuildError(Exception):
    """What could not be built, and what to do about it."""


@dataclasses.dataclass(frozen=True)
class Image:
    """One image: what its folder asks for."""

    name: str
    suite: str
    packages: tuple[str, ...]
    copies: tuple[tuple[Path, str], ...]

    @classmethod
    def load(cls, name: str) -> Image:
        """Read a folder's image.toml; BuildError where there is none."""
        path = HERE / name / "image.toml"
        if not path.is_file():
            known = ", ".join(sorted(file.parent.name for file in HERE.glob("*/image.toml")))
            raise BuildError(f"There is no image {name!r}. There are: {known}.")
        recipe: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        copies = tuple((ROOT / copy["source"], str(copy["target"])) for copy in recipe.get("copy", []))
        if "packages_of" in recipe:
            return dataclasses.replace(cls.load(recipe["packages_of"]), name=name, copies=copies)
        return cls(name, str(recipe["suite"]), tuple(sorted(recipe["packages"])), copies)

    @property
    def folder(self) -> Path:
        return HERE / self.name

    def payload(self) -> bytes:
        """Everything that is copied in from this repository as a tar archive, the same for the same content."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for source, target in ((self.folder / "files", ""), *self.copies):
                _add(archive, source, target)
            _add(archive, self.folder / "setup.sh", SETUP)
        return buffer.getvalue()

    def base_tag(self) -> str:
        """Name of the image that holds only the packages; those of the same packages share it."""
        recipe = json.dumps([self.suite, self.packages, platform.machine()]).encode()
        return f"{REPOSITORY}/base:{_digest(BUILDER, recipe)}"

    def tag(self) -> str:
        """Name of the finished image; changes with the packages asked for, what is copied in, and this builder."""
        host = self.folder / "host.sh"
        made_by = host.read_bytes() if host.exists() else b""
        return f"{REPOSITORY}/{self.name}:{_digest(self.base_tag().encode(), self.payload(), made_by)}"


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
    elif source.is_dir():
        yield from (path for path in sorted(source.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)


def _add(archive: tarfile.TarFile, source: Path, target: str) -> None:
    """Add a file or a tree, owned by root and without times, whoever checked it out and when."""
    for path in _files(source):
        name = Path(target, *path.relative_to(source).parts).as_posix()
        info = tarfile.TarInfo(name.lstrip("/"))
        info.size = path.stat().st_size
        info.mode = 0o755 if os.access(path, os.X_OK) else 0o644
        with path.open("rb") as file:
            archive.addfile(info, file)


def apt_sources(suite: str) -> list[str]:
    """Lines of sources.list for a suite on the mirror this machine uses; none where that is no Debian mirror.

    mmdebstrap then takes its own default.
    """
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    found = [line.split() for line in _output(command).splitlines()]
    release = platform.freedesktop_os_release()
    if release["ID"] != "debian":
        return []
    own = release.get("VERSION_CODENAME", "")
    if suite == own:
        wanted = {suite, f"{suite}-updates", f"{suite}-security"}
        return [f"deb {uri} {name} {component}" for uri, name, component in found if name in wanted]
    mirrors = [uri for uri, name, _ in found if name in {own, "oldstable", "stable", "testing", "unstable"}]
    return [f"deb {mirrors[0]} {suite} main"] if mirrors else []


def apt_options() -> list[str]:
    """How this machine's apt reaches its mirror (proxies, certificates, date checks), as mmdebstrap's options."""
    reach = re.compile(r"Acquire::(https?::|Check-|Retries|ForceIPv)")
    lines = [line for line in _output(["apt-config", "dump"]).splitlines() if reach.match(line)]
    return [f"--aptopt={line}" for line in [*lines, 'Acquire::Languages "none";'] if not line.endswith(' "";')]


def bootstrap(image: Image, tag: str) -> None:
    """Make the root file system of an image's packages and import it."""
    with tempfile.TemporaryDirectory(prefix=f"stash_mail-{image.name}-") as directory:
        root_tar = Path(directory, "root.tar")
        command = ["mmdebstrap", "--mode=root", "--variant=apt", f"--include={','.join(image.packages)}"]
        command += apt_options()
        # What is lost with the machine is built again.
        command.append("--dpkgopt=force-unsafe-io")
        command += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
        # The JREs' alternatives want the folder of a manual page that is left out.
        command.append('--setup-hook=mkdir -p "$1/usr/share/man/man1"')
        # Where the packages came from is this machine's business.
        command.append('--customize-hook=rm -f "$1/etc/apt/sources.list" "$1/etc/apt/apt.conf.d/99mmdebstrap"')
        _run([*command, image.suite, str(root_tar), *apt_sources(image.suite)], f"mmdebstrap for {image.name}")
        _run(["podman", "import", "--quiet", str(root_tar), tag], f"podman import for {image.name}")


def finish(image: Image, base: str, tag: str) -> None:
    """Put the repository's own files on the packages."""
    with tempfile.TemporaryDirectory(prefix=f"stash_mail-{image.name}-") as directory:
        payload = Path(directory, "payload.tar")
        payload.write_bytes(image.payload())
        made_here = Path(directory, "host")
        made_here.mkdir()
        host = image.folder / "host.sh"
        if host.exists():
            _run(["sh", "-eu", str(host), str(made_here)], f"{host.relative_to(ROOT)}")
            with tarfile.open(payload, "a") as archive:
                _add(archive, made_here, "")
        steps = [f"FROM {base}", f"ADD {payload.name} /"]
        if (image.folder / "setup.sh").exists():
            steps.append(f"RUN sh -eu /{SETUP} && rm /{SETUP}")
        steps += ['CMD ["/sbin/init"]', "STOPSIGNAL SIGRTMIN+3"]
        Path(directory, "Containerfile").write_text("\n".join(steps) + "\n", "utf-8")
        command = ["podman", "build", "--network=none", "--layers=false", "--pull=never"]
        _run([*command, f"--tag={tag}", directory], f"podman build of {image.name}")


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def _run(command: list[str], what: str) -> None:
    result = subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=BUILD_SECONDS,
    )
    if result.returncode != 0:
        end = "\n".join(result.stdout.splitlines()[-40:])
        raise BuildError(f"{what} ended with {result.returncode}:\n{end}")


def exists(tag: str) -> bool:
    """Whether podman holds an image of this name."""
    return subprocess.run(["podman", "image", "exists", tag], capture_output=True, timeout=60).returncode == 0


def build_missing(images: list[Image], *, rebuild: bool = False) -> dict[str, str]:
    """Build what is not there yet, the packages side by side; returns the tag of each image.

    Writes the containers.conf that the runs need.
    """
    bases = {image.base_tag(): image for image in images}
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        missing = [tag for tag in bases if rebuild or not exists(tag)]
        for job in [pool.submit(_timed, bootstrap, bases[tag], tag) for tag in missing]:
            job.result()
    _run([sys.executable, str(HERE / "engine.py"), images[0].base_tag(), str(CONTAINERS_CONF)], "engine.py")
    os.environ["CONTAINERS_CONF"] = str(CONTAINERS_CONF)
    tags = {}
    for image in images:
        tags[image.name] = image.tag()
        if rebuild or not exists(tags[image.name]):
            _timed(finish, image, image.base_tag(), tags[image.name])
    return tags


def _timed(step: Callable[..., None], image: Image, *tags: str) -> None:
    began = time.monotonic()
    step(image, *tags)
    sys.stderr.write(f"built {tags[-1]} in {time.monotonic() - began:.0f} s\n")


def prune(tags: dict[str, str]) -> None:
    """Remove the other images of these names, except those that a container uses."""
    for name, tag in tags.items():
        listed = _output(["podman", "image", "list", "--format", "{{.Repository}}:{{.Tag}}", f"{REPOSITORY}/{name}"])
        for other in sorted(set(listed.split()) - {tag}):
            subprocess.run(["podman", "image", "rm", other], check=False, timeout=60)


def check_machine() -> None:
    """BuildError, saying what to do, where the images cannot be built."""
    if os.geteuid() != 0:
        raise BuildError("The test containers are built and run by root: run this as root.")
    for program in ("podman", "mmdebstrap", "apt-get"):
        if shutil.which(program) is None:
            raise BuildError(f"{program} is missing: run scripts/system-packages.")


def main() -> int:
    """Returns the exit status: 0, or 1 after saying what failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="+", help="folder of an image beside this file")
    parser.add_argument("--rebuild", action="store_true", help="build anew, with the mirror's current packages")
    parser.add_argument("--prune", action="store_true", help="remove these images' other versions afterwards")
    options = parser.parse_args()
    CONTAINERS_CONF.parent.mkdir(exist_ok=True)
    # It may name the file that is yet to be written.
    os.environ.pop("CONTAINERS_CONF", None)
    try:
        check_machine()
        with CONTAINERS_CONF.with_name("images.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tags = build_missing([Image.load(name) for name in options.name], rebuild=options.rebuild)
            if options.prune:
                prune(tags)
    except (BuildError, subprocess.SubprocessError) as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(tags))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
