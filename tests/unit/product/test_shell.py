# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a start script would set: our reading of it against a real shell's."""

from __future__ import annotations

import subprocess
import time

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._product import shell
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = ("A", "B", "C")
words = st.sampled_from(
    ["", "x", "'y z'", '"$A"', "${B}", "${C:-d}", '"x$A"', "${A:+e}", '"a\\"b"', "'$A'", "\\$A", "$B$C", '"${A:=f}"']
)
conditions = st.builds(
    lambda negated, form, name, word: negated + form.format(name=name, word=word),
    st.sampled_from(["", "! "]),
    st.sampled_from(['[ -z "${name}" ]', '[ -n "${name}" ]', '[ "x${name}" = "x{word}" ]', '[ "${name}" != {word} ]']),
    st.sampled_from(NAMES),
    st.sampled_from(["x", "y", "d"]),
)
assignments = st.builds(
    lambda export, name, word, comment: f"{export}{name}={word}{comment}",
    st.sampled_from(["", "export "]),
    st.sampled_from(NAMES),
    words,
    st.sampled_from(["", " # it's a comment; A=1", "; true", " \\\n"]),
)
statements = st.recursive(
    st.one_of(
        assignments,
        st.builds(lambda c, o, a: f"{c} {o} {a}", conditions, st.sampled_from(["&&", "||"]), assignments),
        st.just(': "${A:=g}"'),
        st.just("cat > /dev/null <<END\nA=here\nfi\nEND"),
        st.just("# if true; then\n:"),
    ),
    lambda inner: st.builds(
        lambda c, yes, second, other, no: (
            f"if {c}; then\n{yes}\nelif {second}\nthen\n{other}\nelse\n  {no}\nfi" if no else f"if {c}; then {yes}\nfi"
        ),
        conditions,
        inner,
        conditions,
        inner,
        st.one_of(st.just(""), inner),
    ),
    max_leaves=6,
)
scripts = st.lists(statements, max_size=6).map("\n".join)


def ask(script: str, **environment: str) -> dict[str, str]:
    """The variables as a shell has them in the end."""
    show = "".join(f'\nprintf "%s\\0" "${name}"' for name in NAMES)
    env = {"PATH": "/usr/bin:/bin", **environment}
    done = subprocess.run(["sh", "-c", script + show], capture_output=True, text=True, check=True, timeout=20, env=env)
    return dict(zip(NAMES, done.stdout.split("\0"), strict=False))


@given(scripts, st.sampled_from([{}, {"A": "x", "C": "y z"}]))
@settings(max_examples=60, deadline=None)
def test_as_a_shell_reads_it(script: str, environment: dict[str, str]) -> None:
    found = shell.read(script, environment).variables
    assert {name: found.get(name, "") for name in NAMES} == ask(script, **environment)


@pytest.mark.parametrize(
    "script",
    [
        "if [ -f /etc/passwd ]; then A=1; else A=2; fi",
        'case "$B" in\n  x) A=1 ;;\n  *) A=2 ;;\nesac',
        "for x in 1 2; do A=1; done",
        "f() {\n  A=1\n}\nf",
        "some-program && A=1",
        "A=$(some-program)",
        "A=`some-program`",
    ],
)
def test_what_only_a_shell_would_know_is_marked(script: str) -> None:
    value = shell.read(script, {}).variables["A"]
    assert shell.OPEN in value or all(word.endswith(shell.MAYBE) for word in value.split(" "))


def test_the_commands_that_are_run() -> None:
    script = (
        'OPTS="-Da=b $X"\n. "$(dirname "$0")/more.sh"\nif [ "$Y" = on ]; then\n  exec java $OPTS Off\nfi\n'
        'test -f /x && sudo java $OPTS\nexec "$JAVA" $OPTS Main\n'
    )
    reading = shell.read(script, {"X": "-Dx"}, lambda word: 'OPTS="$OPTS -Dmore"' if "more.sh" in word else "")
    assert [(call.words, call.maybe) for call in reading.calls] == [
        (["sudo", "java", "-Da=b", "-Dx", "-Dmore"], True),
        (["exec", "-Da=b", "-Dx", "-Dmore", "Main"], False),
    ]
    assert reading.calls[1].line == 7


@pytest.mark.parametrize(
    "script",
    [
        "A=x;" + "A=$A$A;" * 5000,
        "if [ x ]; then\n" * 50_000,
        "A=" + "${A:-" * 50_000 + "}" * 50_000,
        "A=" + "${A:-x" * 3000 + "}" * 3000,
        "${" * 100_000,
        '$("' * 100_000,
        "<<E\n" * 20_000,
        "f() {\n" * 30_000,
        "\\\n" * 200_000,
        ". x.sh\n" * 1000,
        '"' * 100_001,
        "A=1 " * 100_000,
    ],
    ids=range(12),
)
def test_a_script_made_to_hold_us_up(script: str) -> None:
    start = time.process_time()
    reading = shell.read(script, {}, lambda word: ". x.sh\n. x.sh\n")
    assert time.process_time() - start < 10
    assert sum(map(len, reading.variables.values())) < 100_000
