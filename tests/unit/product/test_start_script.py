# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truststore's arguments in shell scripts and drop-ins; what a script gives is asked of a real shell."""

from __future__ import annotations

import shlex
import shutil
import string
import subprocess

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import trust_properties
from ansible_collections.stashops.mail.plugins.module_utils._product import start_script, systemd
from ansible_collections.stashops.mail.plugins.module_utils._product.start_script import TruststoreArguments
from hypothesis import given, settings
from hypothesis import strategies as st

WANTED = TruststoreArguments("/etc/stash_mail/cacerts")
OURS = "-Djavax.net.ssl.trustStore=/etc/stash_mail/cacerts"
START_WEBAPP = """#!/bin/sh
# Additional arguments
#JVM_SUPPORT_RECOMMENDED_ARGS=

: "${JVM_MINIMUM_MEMORY:=512m}"
"""
SETENV = """#
JVM_SUPPORT_RECOMMENDED_ARGS="-XX:+UseG1GC"
JAVA_OPTS="-Xms1g $JVM_SUPPORT_RECOMMENDED_ARGS"
"""

safe_text = st.text(string.ascii_letters + string.digits + "/._-+=:,@%~^", min_size=1, max_size=12)
other_arguments = st.lists(safe_text.map(lambda text: f"-X{text}"), max_size=5)
trust_arguments = st.lists(
    st.tuples(
        st.sampled_from([start_script.PATH_ARGUMENT, start_script.PASSWORD_ARGUMENT, start_script.TYPE_ARGUMENT]),
        safe_text,
    ).map("".join),
    max_size=4,
)
mixed_arguments = st.tuples(other_arguments, trust_arguments).flatmap(lambda both: st.permutations(both[0] + both[1]))
wanted_stores = st.builds(
    TruststoreArguments,
    safe_text.map(lambda text: f"/{text}"),
    st.one_of(st.just(""), safe_text),
    st.sampled_from(["jks", "pkcs12"]),
)


def quoted(arguments: list[str], style: str) -> str:
    """The assignment of these arguments as operators write it."""
    if style == "single":
        return "'" + " ".join(arguments) + "'"
    if style == "double":
        return '"' + " ".join(arguments) + '"'
    if style == "continued":
        return '"' + " \\\n    ".join(arguments) + '"'
    if style == "multi-line":
        return '"\n' + "\n".join(arguments) + '\n"'
    return '""' + "\\ ".join(arguments)


styles = st.sampled_from(["single", "double", "continued", "multi-line", "bare"])
scripts = st.builds(
    lambda arguments, style, export, comment, tail: (
        f"#!/bin/sh\n# before\n{export}JVM_SUPPORT_RECOMMENDED_ARGS={quoted(arguments, style)}{comment}\n{tail}",
        arguments,
    ),
    mixed_arguments,
    styles,
    st.sampled_from(["", "export ", "  "]),
    st.sampled_from(["", " # it's a comment with a quote"]),
    st.sampled_from(["", "# after\n", "true\n\n"]),
)


def evaluate(script: str, environment: str | None = None) -> list[str]:
    """The words that the start script would give the JVM."""
    shown = script + '\nfor word in $JVM_SUPPORT_RECOMMENDED_ARGS; do printf "%s\\n" "$word"; done\n'
    env = {"PATH": "/usr/bin:/bin"}
    if environment is not None:
        env["JVM_SUPPORT_RECOMMENDED_ARGS"] = environment
    done = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, check=True, timeout=20, env=env)
    return done.stdout.split("\n")[:-1]


@given(mixed_arguments, wanted_stores)
def test_merge_keeps_all_others_in_their_order(existing: list[str], wanted: TruststoreArguments) -> None:
    merged = start_script.merge(existing, wanted)
    others = [argument for argument in existing if not start_script.is_trust_argument(argument)]
    assert [argument for argument in merged if not start_script.is_trust_argument(argument)] == others
    assert wanted.is_met_by(trust_properties(merged))
    assert start_script.merge(merged, wanted) == merged
    assert start_script.merge(merged, None) == others


@given(scripts, wanted_stores)
@settings(max_examples=60, deadline=None)
def test_the_block_extends_what_a_script_sets(case: tuple[str, list[str]], wanted: TruststoreArguments) -> None:
    script, arguments = case
    changed = start_script.with_block(script, wanted)
    words = evaluate(changed)
    assert words[: len(arguments)] == arguments == evaluate(script)
    assert all(start_script.is_trust_argument(word) for word in words[len(arguments) :])
    assert wanted.is_met_by(trust_properties(words))


@given(scripts, wanted_stores, wanted_stores)
def test_taking_the_block_out_restores_the_script(
    case: tuple[str, list[str]], first: TruststoreArguments, second: TruststoreArguments
) -> None:
    script, _ = case
    once = start_script.with_block(script, first)
    assert start_script.without_block(once) == script
    assert start_script.with_block(once, first) == once
    assert start_script.with_block(once, second) == start_script.with_block(script, second)


@pytest.mark.parametrize("environment", [None, "", "-Xfrom=environment"])
def test_a_commented_line_leaves_the_environment_in_force(environment: str | None) -> None:
    changed = start_script.with_block(START_WEBAPP, WANTED)
    assert evaluate(changed, environment) == [*(environment or "").split(), OURS]
    assert "\n#JVM_SUPPORT_RECOMMENDED_ARGS=\n# BEGIN stash_mail" in changed
    assert not start_script.is_set_by(changed), "our own block must not count as the operator's setting"
    assert start_script.is_set_by(SETENV)


def test_the_block_stands_before_the_variable_is_used() -> None:
    changed = start_script.with_block(SETENV, WANTED) + '\nJVM_SUPPORT_RECOMMENDED_ARGS="$JAVA_OPTS"\n'
    assert evaluate(changed) == ["-Xms1g", "-XX:+UseG1GC", OURS]


def test_others_password_and_type_do_not_meet_our_file() -> None:
    script = (
        'JVM_SUPPORT_RECOMMENDED_ARGS="-Djavax.net.ssl.trustStorePassword=x -Djavax.net.ssl.trustStoreType=PKCS12"\n'
    )
    changed = start_script.with_block(script, WANTED)
    assert trust_properties(evaluate(changed)) == {
        "javax.net.ssl.trustStore": WANTED.path,
        "javax.net.ssl.trustStorePassword": "",
        "javax.net.ssl.trustStoreType": "jks",
    }


@pytest.mark.skipif(not shutil.which("java"), reason="no java on the PATH")
def test_a_jvm_takes_the_last_of_repeated_properties() -> None:
    """The block relies on it."""
    script = 'JVM_SUPPORT_RECOMMENDED_ARGS="-Djavax.net.ssl.trustStore=/old -Djavax.net.ssl.trustStorePassword=old"\n'
    words = evaluate(start_script.with_block(script, WANTED))
    command = ["java", *words, "-XshowSettings:properties", "-version"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
    properties = dict(line.strip().split(" =", 1) for line in shown.splitlines() if " =" in line)
    assert properties["javax.net.ssl.trustStore"].strip() == WANTED.path
    assert properties["javax.net.ssl.trustStorePassword"].strip() == ""


def test_a_script_without_the_variable_is_refused() -> None:
    with pytest.raises(StashMailError, match="no line that sets JVM_SUPPORT_RECOMMENDED_ARGS"):
        start_script.with_block("#!/bin/sh\nexec java\n", WANTED)


def test_a_last_line_without_its_end_is_refused() -> None:
    with pytest.raises(StashMailError, match="lacks its line end"):
        start_script.with_block('#!/bin/sh\nJVM_SUPPORT_RECOMMENDED_ARGS="-Xa"', WANTED)


@pytest.mark.parametrize(
    "path", ["relative", "/with blank", "/with'quote", "/with$dollar", "/with*star", "/with\nline"]
)
def test_paths_that_the_start_script_would_tear_apart_are_refused(path: str) -> None:
    with pytest.raises(StashMailError, match="truststore"):
        start_script.check_arguments(TruststoreArguments(path))


def test_a_refused_password_is_not_shown() -> None:
    with pytest.raises(StashMailError) as caught:
        start_script.check_arguments(TruststoreArguments("/cacerts", "geheim nis"))
    assert "geheim" not in str(caught.value)


@given(mixed_arguments, wanted_stores)
def test_a_drop_in_repeats_the_arguments_of_the_unit(existing: list[str], wanted: TruststoreArguments) -> None:
    # As a unit writes them: a percent sign that shall stand is doubled.
    value = " ".join(existing).replace("%", "%%")
    unit = systemd.Unit("a.service", "/a", environment={start_script.VARIABLE: systemd.Setting(value, "/a")})
    arguments = start_script.drop_in_arguments(start_script.drop_in(unit, wanted))
    assert arguments == start_script.merge(existing, wanted)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")))
def test_quoting_for_systemd_is_undone_by_splitting(text: str) -> None:
    assert systemd.split_words(systemd.quote(text)) == [text]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze on this machine")
def test_systemd_takes_the_drop_in(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    unit = systemd.Unit("a.service", "/a", environment={start_script.VARIABLE: systemd.Setting('-Da="x" -Db=%%', "/a")})
    (folder / "a.service").write_text("[Service]\nExecStart=/bin/true\n")
    (folder / "a.service.d").mkdir()
    (folder / "a.service.d" / "stash_mail.conf").write_text(start_script.drop_in(unit, WANTED))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(folder / "a.service")], capture_output=True, text=True, timeout=60
    )
    assert "stash_mail.conf" not in done.stderr, done.stderr
    assert shlex.split(start_script.drop_in(unit, WANTED).splitlines()[2].partition("=")[2])[0].startswith(
        "JVM_SUPPORT"
    )


@pytest.mark.parametrize("environment", [None, "-Xfrom=environment"])
@pytest.mark.parametrize(
    "script",
    [
        'if [ -z "$JVM_SUPPORT_RECOMMENDED_ARGS" ]; then\n    JVM_SUPPORT_RECOMMENDED_ARGS="-Xa"\nfi\n',
        'if [ -n "$X" ]\nthen\n  if [ -n "$Y" ]; then true; fi\n'
        "  JVM_SUPPORT_RECOMMENDED_ARGS=-Xa # if it's so\n  true\nelse\n  true\nfi\n",
        'case "$X" in\n  x)\n    JVM_SUPPORT_RECOMMENDED_ARGS=-Xa\n    ;;\nesac\n',
        "for x in 1; do\n  # if so\n  JVM_SUPPORT_RECOMMENDED_ARGS=-Xa\ndone\n",
        "JVM_SUPPORT_RECOMMENDED_ARGS=-Xa\nif true; then\n  true\nfi\n",
    ],
)
def test_the_block_is_run_whatever_a_condition_says(script: str, environment: str | None) -> None:
    changed = start_script.with_block(script, WANTED)
    assert evaluate(changed, environment) == [*evaluate(script, environment), OURS]
    assert start_script.without_block(changed) == script
