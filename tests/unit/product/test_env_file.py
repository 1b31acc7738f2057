# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment files of containers: ours replaced, all else kept, and put back byte for byte."""

from __future__ import annotations

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import env_file
from ansible_collections.stashops.mail.plugins.module_utils._product.start_script import (
    VARIABLE,
    TruststoreArguments,
    is_trust_argument,
)
from hypothesis import given
from hypothesis import strategies as st

TRUST = "-Djavax.net.ssl.trustStore"
WANTED = TruststoreArguments("/etc/stash_mail/cacerts")
OURS = f"{TRUST}=/etc/stash_mail/cacerts"

ARGUMENTS = st.lists(
    st.sampled_from(["-Xmx2g", "-Dx=1", f"{TRUST}=/old", f"{TRUST}Password=changeit", f"{TRUST}Type=jks", "-Dp=%h"]),
    max_size=5,
)
VALUES = st.builds(
    lambda arguments, blank, quote: quote + blank.join(arguments) + quote,
    ARGUMENTS,
    st.sampled_from([" ", "  "]),
    st.sampled_from(["", '"', "'"]),
)
OTHERS = st.lists(st.sampled_from(["# comment", "", "BITBUCKET_HOME=/h", "JVM_MAXIMUM_MEMORY=2g"]), max_size=3)


@st.composite
def files(draw: st.DrawFn) -> str:
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines = draw(OTHERS)
    if draw(st.booleans()):
        lines = [*lines, f"{VARIABLE}={draw(VALUES)}", *draw(OTHERS)]
    return end.join(lines) + draw(st.sampled_from(["", end]))


@given(text=files(), kind=st.sampled_from(["jks", "pkcs12"]))
def test_set_keeps_the_others_and_removal_puts_all_back(text: str, kind: str) -> None:
    before = env_file.arguments(text)
    wanted = TruststoreArguments("/etc/stash_mail/cacerts", kind=kind)
    changed = env_file.set_arguments(text, wanted)
    after = env_file.arguments(changed)
    assert [item for item in after if is_trust_argument(item)] == [OURS]
    assert [item for item in after if not is_trust_argument(item)] == [
        item for item in before if not is_trust_argument(item)
    ]
    assert env_file.ours(changed) == [OURS]
    assert env_file.set_arguments(changed, wanted) == changed
    assert env_file.remove_arguments(changed) == text
    assert env_file.remove_arguments(text) == text, "nothing of ours in it"
    moved = env_file.set_arguments(changed, TruststoreArguments("/srv/other"))
    assert env_file.ours(moved) == [f"{TRUST}=/srv/other"]
    assert env_file.remove_arguments(moved) == text


@pytest.mark.parametrize(
    ("before", "edited", "after"),
    [
        # What the operator adds to our line later is kept, and what was there of a truststore comes back.
        (f'{VARIABLE}="-Xa"\n', ("-Xa", "-Xa -Xnew"), f'{VARIABLE}="-Xa -Xnew"\n'),
        (f"{VARIABLE}={TRUST}=/old -Xa\n", (" -Xa\n", " -Xa -Xnew\n"), f"{VARIABLE}={TRUST}=/old -Xa -Xnew\n"),
        ("A=1\n", (OURS, f"-Xnew {OURS}"), f"A=1\n{VARIABLE}=-Xnew\n"),
    ],
)
def test_what_others_change_afterwards_stays(before: str, edited: tuple[str, str], after: str) -> None:
    changed = env_file.set_arguments(before, WANTED)
    place = changed.rindex(edited[0])
    changed = changed[:place] + edited[1] + changed[place + len(edited[0]) :]
    assert env_file.set_arguments(changed, WANTED) == changed
    assert env_file.remove_arguments(changed) == after


def test_the_file_reads_well() -> None:
    assert env_file.set_arguments("A=1\n", WANTED) == f"A=1\n# Added by Ansible (stash_mail).\n{VARIABLE}={OURS}\n"
    assert env_file.set_arguments(f"{VARIABLE}=-Xa\nB=2", WANTED) == (
        f"# Changed by Ansible (stash_mail). This was: {VARIABLE}=-Xa\n{VARIABLE}=-Xa {OURS}\nB=2"
    )


@pytest.mark.parametrize("value", ["-Xa \\", '"-Xa', '-Da="b c"', "-Xa # comment", "-Da=$HOME", "'-Xa' '-Xb'"])
def test_what_readers_disagree_about_is_refused(value: str) -> None:
    with pytest.raises(StashMailError, match="write the arguments on one line"):
        env_file.set_arguments(f"{VARIABLE}={value}\n", WANTED)
    with pytest.raises(StashMailError, match="is set 2 times"):
        env_file.set_arguments(f"{VARIABLE}=-Xa\n{VARIABLE}=-Xb\n", WANTED)
