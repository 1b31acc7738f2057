# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several scenarios ask of Bitbucket's hosts."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections import Counter

from testinfra.host import Host

from tests.lab.lab import INSTALL, SERVICE, TRUSTSTORE, Lab
from tests.lab.provisioned import OWN_CACERTS, fingerprints


def starts(host: Host) -> int:
    """How often the product was started."""
    journal = host.check_output(f"journalctl --boot --no-pager --output cat --unit {SERVICE}")
    return sum(line.startswith(f"Started {SERVICE}.service") for line in journal.splitlines())


def bundle(host: Host, install: str = INSTALL) -> Counter[str]:
    """SHA-256 of what the JVM trusts by itself."""
    return fingerprints(host, f"{install}/{OWN_CACERTS}")


def anchors(host: Host, install: str = INSTALL) -> Counter[str]:
    """SHA-256 of what is in our truststore beside the JVM's own, all of which is there."""
    ours, own = fingerprints(host, TRUSTSTORE), bundle(host, install)
    assert not own - ours
    return ours - own


def sha256(lab: Lab, *names: str) -> Counter[str]:
    """Of certificates of the lab."""
    ders = (ssl.PEM_cert_to_DER_cert(lab.certificate(name)) for name in names)
    return Counter(hashlib.sha256(der).hexdigest() for der in ders)


def wait_until_running(host: Host, seconds: float = 60.0) -> None:
    """Until the product on this host says that it is up."""
    program = 'import urllib.request as r; print(r.urlopen("http://localhost:7990/status", timeout=5).read().decode())'
    until = time.monotonic() + seconds
    while "RUNNING" not in (said := host.run("python3 -c %s", program)).stdout:
        assert time.monotonic() < until, said
        time.sleep(0.5)
