# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real JVMs make of the files: every Java of this machine, each format, with and without the password."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._java.home import JavaHome
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store as store_file

from tests.ansible_module import run_module
from tests.unit.truststore.factory import Made, make

SOURCE = Path(__file__).with_name("Trust.java")
FORMATS = ("jks", "pkcs12")


def find_javas() -> list[Path]:
    """The homes of all Java installations that Debian's layout or the search path shows, each once."""
    found = list(Path("/usr/lib/jvm").glob("*/bin/java")) + list(Path("/usr/lib/jvm").glob("*/jre/bin/java"))
    on_path = shutil.which("java")
    if on_path:
        found.append(Path(on_path))
    return sorted({path.resolve().parents[1] for path in found if path.exists()})


JAVAS = find_javas()
any_java = pytest.mark.parametrize(
    "java",
    JAVAS or [pytest.param(None, marks=pytest.mark.skip(reason="no Java on this machine"))],
    ids=lambda home: home.name if home else "none",
)


class Server(t.NamedTuple):
    root: Made
    port: int


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Server]:
    """A TLS server on loopback, with a certificate of a private CA, that ends with the test."""
    root = make("Private Root CA", organisation="Company")
    leaf = make("127.0.0.1", ca=False, issuer=root, names=["127.0.0.1"])
    chain = tmp_path_factory.mktemp("server") / "chain.pem"
    chain.write_text(leaf.key_pem + leaf.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)
    stopping = threading.Event()

    def serve() -> None:
        while not stopping.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(10)
            try:
                with context.wrap_socket(connection, server_side=True) as wrapped:
                    wrapped.recv(1)
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield Server(root, listener.getsockname()[1])
    stopping.set()
    thread.join()
    listener.close()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    javac = shutil.which("javac")
    if javac is None:
        pytest.skip("no javac on the search path (Debian: openjdk-17-jdk-headless)")
    folder = tmp_path_factory.mktemp("classes")
    command = [javac, "--release", "8", "-Xlint:-options", "-d", str(folder), str(SOURCE)]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    return folder


@pytest.fixture(scope="module", params=FORMATS)
def store(request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A truststore of this machine's own bundle and the private CA, made by the module; and its number of entries."""
    if not JAVAS:
        pytest.skip("no Java on this machine")
    path = tmp_path_factory.mktemp("store") / f"cacerts.{request.param}"
    outcome = run_module(
        path=str(path),
        java_home=str(JAVAS[0]),
        format=request.param,
        certificates=[{"pem": server.root.pem}],
    )
    assert not outcome.failed, outcome.message
    return path, outcome.result["entries"]


def ask(java: Path, program: Path, port: int, *properties: str) -> dict[str, str]:
    options = [f"-Djavax.net.ssl.{item}" for item in properties]
    command = [str(java / "bin" / "java"), "-Xshare:auto", *options, "-cp", str(program), "Trust", str(port)]
    done = subprocess.run(command, check=True, timeout=120, capture_output=True, text=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@any_java
@pytest.mark.parametrize("password", ["changeit", None, "another"])
def test_truststore_in_a_jvm(
    java: Path, password: str | None, store: tuple[Path, int], server: Server, program: Path
) -> None:
    path, entries = store
    properties = [f"trustStore={path}"] + ([f"trustStorePassword={password}"] if password else [])
    answer = ask(java, program, server.port, *properties)
    if password == "another" and path.suffix == ".jks":
        assert answer == {"anchors": "failed", "handshake": "failed"}
    else:
        assert answer == {"anchors": str(entries), "handshake": "ok"}


@any_java
def test_the_handshake_fails_without_our_certificate(java: Path, server: Server, program: Path) -> None:
    answer = ask(java, program, server.port)
    assert int(answer["anchors"]) > 0
    assert answer["handshake"] == "failed"


@any_java
@pytest.mark.parametrize("password", ["changeit", None])
def test_keytool_lists_it(java: Path, password: str | None, store: tuple[Path, int], server: Server) -> None:
    path, entries = store
    keytool = java / "bin" / "keytool"
    if not keytool.exists():
        pytest.skip(f"{java} has no keytool")
    command = [str(keytool), "-J-Duser.language=en", "-list", "-keystore", str(path)]
    command += ["-storepass", password] if password else []
    done = subprocess.run(command, input="\n", check=True, timeout=120, capture_output=True, text=True)
    assert f"contains {entries} entries" in done.stdout
    assert f"stash_mail:private-root-ca-{server.root.sha256[:8]}, " in done.stdout
    assert done.stdout.count("trustedCertEntry") == entries


@any_java
def test_the_jvms_own_bundle_is_read_whole(java: Path) -> None:
    cacerts = JavaHome(str(java)).cacerts()
    keytool = java / "bin" / "keytool"
    if cacerts is None or not keytool.exists():
        pytest.skip(f"{java} has no bundle, or no keytool to compare with")
    entries = store_file.read_store(Path(cacerts).read_bytes(), "changeit")
    command = [str(keytool), "-J-Duser.language=en", "-list", "-keystore", cacerts, "-storepass", "changeit"]
    listed = subprocess.run(command, check=True, timeout=120, capture_output=True, text=True).stdout
    assert f"contains {len(entries)} entries" in listed
