# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""JMX over SSL is on before the role comes; the preflight sees its truststore, and says how to go on."""

from __future__ import annotations

from testinfra.host import Host

from tests.lab.lab import INSTALL, SERVICE, Lab
from tests.lab.nodes import wait_until_running
from tests.lab.runs import Runs

STORE, PASSWORD = "/etc/jmx/truststore.jks", "of-jmx-clients"
BEFORE = "/root/bin"
# As the product's own: what it gives comes before the arguments that sites add.
SETTINGS = f"""
JMX_AUTH=ssl
JAVA_TRUSTSTORE={STORE}
JAVA_TRUSTSTORE_PASSWORD={PASSWORD}
JMX_OPTS=
if [ "x$JMX_AUTH" = "xssl" ]; then
    JMX_OPTS="-Djavax.net.ssl.trustStore=$JAVA_TRUSTSTORE -Djavax.net.ssl.trustStorePassword=$JAVA_TRUSTSTORE_PASSWORD"
fi
"""
EDIT = r's|^JVM_LIBRARY_PATH_ARG=$|. "$INST_DIR/bin/set-jmx-opts.sh"\n&|; s|^    $JAVA_OPTS |&$JMX_OPTS |'
SET_UP = f"""
cd {INSTALL}/bin
sed -i '{EDIT}' _start-webapp.sh
cp -a . {BEFORE}
systemctl restart {SERVICE}
"""


def test_seen_beforehand(lab: Lab, bitbucket: Host, runs: Runs) -> None:
    bitbucket.check_output(f"mkdir {STORE.rpartition('/')[0]}")
    bitbucket.run(f"cat >/root/jmx.pem <<'END'\n{lab.certificate('mail/self_signed')}\nEND")
    keytool = f"{INSTALL}/jre/bin/keytool -importcert -noprompt -storetype JKS -keystore {STORE}"
    bitbucket.check_output(f"{keytool} -storepass {PASSWORD} -alias jmx -file /root/jmx.pem 2>&1")
    bitbucket.check_output(f"cat >{INSTALL}/bin/set-jmx-opts.sh <<'END'\n{SETTINGS}END\n{SET_UP}")
    wait_until_running(bitbucket)
    arguments = lab.jvm_arguments()
    assert f"-Djavax.net.ssl.trustStore={STORE}" in arguments
    before = lab.state()
    run = runs("--diff", truststore_base="auto", truststore_base_password="", secrets=(PASSWORD,))
    assert run.code == 2, run.evidence
    assert run.in_preflight
    assert f"The JVM uses the truststore {STORE}" in run.shown, run.evidence
    assert "(stash_mail_truststore_base) to that path to build on it" in run.shown
    assert (run.changed, lab.state()) == (0, before)
