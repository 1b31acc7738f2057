# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a product's arguments a JVM of ours is given."""

from __future__ import annotations

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import relevant_arguments, trust_properties


def test_the_last_of_each_counts() -> None:
    prefix = "-Djavax.net.ssl.trustStore"
    assert trust_properties([f"{prefix}=/a", f"{prefix}Type=jks", "-Dx=y", f"{prefix}=/b"]) == {
        "javax.net.ssl.trustStore": "/b",
        "javax.net.ssl.trustStoreType": "jks",
    }


@pytest.mark.parametrize(
    "argument",
    [
        "-Djavax.net.ssl.trustStoreType=jks",
        "-Djdk.tls.client.protocols=TLSv1.2",
        "-Djava.net.preferIPv4Stack=true",
        "-DsocksProxyHost=proxy.example.com",
        "-Djdk.security.allowNonCaAnchor=true",
        "-Dcom.sun.net.ssl.checkRevocation=true",
        "-Dcom.sun.security.enableCRLDP=true",
        "-Dsun.security.ssl.allowLegacyHelloMessages=false",
        # Of the providers that this JVM has, by its own java.security.
        "-Djavax.net.ssl.trustStoreProvider=SUN",
        "-Djsse.enableSNIExtension=false",
    ],
)
def test_what_bears_on_the_verdict(argument: str) -> None:
    assert relevant_arguments([argument]) == [argument]


@pytest.mark.parametrize(
    "argument",
    [
        # Code, programs and files of whoever started the process.
        "-Djava.security.properties=/tmp/evil",
        "-Djava.security.properties==/tmp/evil",
        "-Djava.security.manager=com.example.Evil",
        "-Djava.security.policy=/tmp/evil",
        "-Djavax.net.ssl.keyStore=/etc/shadow",
        "-Dsun.security.jgss.lib=/tmp/evil.so",
        "-Dsun.security.smartcardio.library=/tmp/evil.so",
        "-Dcom.sun.security.auth.login.ConfigFile=/tmp/evil",
        "-Djava.library.path=/tmp",
        "-Djava.ext.dirs=/tmp",
        "-javaagent:/tmp/evil.jar",
        "-agentpath:/tmp/evil.so",
        "-Xbootclasspath/a:/tmp/evil.jar",
        "-XX:OnOutOfMemoryError=/tmp/evil",
        "-XX:Flags=/tmp/evil",
        "@/tmp/evil",
        "-cp",
        # Values that no administrator writes.
        "-Djdk.tls.client.protocols=TLSv1.2\n-javaagent:/tmp/evil.jar",
        "-Djdk.tls.client.protocols=\udcff",
        "-Djdk.tls.client.protocols=" + "x" * 10_000,
        # What is ours to say, and secrets.
        "-Djavax.net.ssl.trustStore=/elsewhere",
        "-Djavax.net.ssl.trustStorePassword=hush",
        "-Djavax.net.ssl.keyStorePassword=hush",
        "-Djdk.tls.token=hush",
        "-Djdk.tlsx=1",
        "Djdk.tls.client.protocols=TLSv1.2",
        "",
    ],
)
def test_what_is_never_passed_on(argument: str) -> None:
    assert relevant_arguments([argument]) == []


def test_a_security_file_only_where_it_is_trusted() -> None:
    given = [
        "-Djava.security.properties=/etc/ours",
        "-Djava.security.properties==/tmp/x",
        "-Djava.security.properties=http://x",
    ]
    assert relevant_arguments(given, lambda path: path == "/etc/ours") == given[:1]
