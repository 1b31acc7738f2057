# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments that a running JVM goes by, as we read them from outside and as that JVM itself says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._product.process import read_process

JAVAS = sorted({path.resolve() for path in Path("/usr/lib/jvm").glob("*/bin/java")})
NAMES = ("javax.net.ssl.trustStore", "javax.net.ssl.trustStorePassword", "javax.net.ssl.trustStoreType")
SOURCE = """
public class Show {
    public static void main(String[] names) throws Exception {
        for (String name : names) {
            System.out.println(System.getProperty(name, "<none>"));
        }
        System.in.read();
    }
}
"""
P = "-Djavax.net.ssl.trustStore"
CASES = {
    "command": ([f"{P}=/a", f"{P}=/b", f"{P}Type=jks"], {}),
    "after the command": ([f"{P}=/a"], {"_JAVA_OPTIONS": f"-Dx=y {P}=/b {P}Password=c"}),
    "before the command": ([f"{P}=/a"], {"JAVA_TOOL_OPTIONS": f"{P}=/b {P}Password=x", "JDK_JAVA_OPTIONS": f"{P}=/c"}),
    "launcher beats tool": ([], {"JAVA_TOOL_OPTIONS": f"{P}=/b", "JDK_JAVA_OPTIONS": f"{P}=/c"}),
    "all": ([f"{P}=/a"], {name: f"{P}=/{name}" for name in ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")}),
    "quotes": ([], {"_JAVA_OPTIONS": f"\"{P}=/with blank\" {P}Type='j'ks {P}Password=a\\b\t-Dq=''"}),
    "no value": ([f"{P}=/a"], {"_JAVA_OPTIONS": P}),
    "empty": ([f"{P}=/a"], {"_JAVA_OPTIONS": "", "JAVA_TOOL_OPTIONS": "  "}),
    "file of the launcher": ([f"{P}=/a", "@arguments", f"{P}Type=jks"], {}),
    "file of the JVM": ([f"{P}=/a", "-XX:VMOptionsFile=arguments"], {}),
    "file, then command": (["-XX:VMOptionsFile=arguments", f"{P}=/a"], {}),
    "file by the environment": ([f"{P}=/a"], {"_JAVA_OPTIONS": "-XX:VMOptionsFile=arguments"}),
    "file by the launcher's variable": ([], {"JDK_JAVA_OPTIONS": "@arguments"}),
}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("program")
    (folder / "Show.java").write_text(SOURCE)
    javac = shutil.which("javac")
    if not javac:
        pytest.skip("no javac on the PATH")
    subprocess.run([javac, "--release", "8", "-nowarn", "Show.java"], cwd=folder, check=True, capture_output=True)
    (folder / "arguments").write_text(f"{P}=/from/a/file\n{P}Password=filed\n")
    return folder


@pytest.mark.parametrize("java", JAVAS, ids=lambda path: path.parents[1].name)
@pytest.mark.parametrize("case", CASES)
def test_as_the_jvm_says(java: Path, program: Path, case: str) -> None:
    arguments, environment = CASES[case]
    command = [str(java), "-Xshare:auto", "-XX:TieredStopAtLevel=1", *arguments, "-cp", str(program), "Show", *NAMES]
    with subprocess.Popen(
        command,
        cwd=program,
        env={"PATH": os.environ["PATH"], **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().rstrip("\n") for _name in NAMES]
        found = read_process(process.pid)
        process.communicate("\n")
    assert found is not None
    assert [found.trust_arguments.get(name, "<none>") for name in NAMES] == said
