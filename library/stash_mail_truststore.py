#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a Java truststore from a JVM's own bundle and certificates of one's own."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_truststore
short_description: Build a Java truststore from a base bundle and certificates
version_added: 1.0.0
author:
  - The stash_mail developers (@stashops)
description:
  - Writes one truststore (the file that a JVM's C(-Djavax.net.ssl.trustStore) names) with all certificates of a base
    bundle and those of O(certificates) and O(fetch).
  - It is built again from the current base at each run, so CAs that an update of Java adds or withdraws flow through,
    and nothing of yours is lost. The same input gives the same bytes on any target, so a second run changes nothing.
  - The JVM's own bundle is read and never written to.
  - Before it is put in place the product's Java loads it, where that can be run. See RV(loaded).
  - No Java is needed on the target, except to find the bundle for O(base=auto), and to open a base that is an encrypted
    PKCS12.
extends_documentation_fragment:
  - ansible.builtin.files
  - stashops.mail.attributes
  - stashops.mail.attributes.files
  - stashops.mail.attributes.actiongroup
  - stashops.mail.behind
requirements:
  - cryptography 3.2 or later on the target (package C(python3-cryptography)), where O(certificates) or O(fetch) is used
attributes:
  check_mode:
    support: full
    details: Certificates are fetched and checked in check mode too. Nothing is written.
  diff_mode:
    support: full
    details: Shows alias, SHA-256, end date and subject of the certificates that are added and removed.
  idempotent:
    support: full
    details: Warnings depend on the date, the file does not.
  safe_file_operations:
    support: full
    details:
      - The new file is written beside the old one, flushed, read back and renamed, so whatever happens the old or the
        new file is there, whole.
options:
  path:
    description:
      - Absolute path of the truststore. Missing parent folders are created with the mode V(0755).
      - If it is a symbolic link, the file it points to is replaced. Symbolic links that belong to
        another account than root and the module's, here and in parent folders, are followed only to what belongs to
        that same account.
      - A JVM's own bundle is refused, and so is an existing file that is no truststore.
      - Without O(mode) a new file gets V(0644), since the product's account must be able to read it, and an existing
        file keeps its mode, owner, group and SELinux context.
    type: path
    required: true
  base:
    description:
      - The certificates to start from.
      - V(auto) takes the bundle of the Java that the product runs on. It is looked for as
        M(stashops.mail.stash_mail_info) does. RV(base) tells what was found and how.
      - V(none) starts from nothing, so the product trusts O(certificates) and O(fetch) alone, in all it does.
      - Anything else is the path of a file or of a folder. A file can be JKS, PKCS12, or certificates in PEM, DER or
        PKCS7, recognized by content. In a folder all files named C(.pem), C(.crt), C(.cer), C(.der), C(.p7b) and
        C(.p7c) are read.
    type: str
    default: auto
  base_password:
    description:
      - The password of O(base), where that is a truststore.
      - A JKS with another password is refused. A PKCS12 without encryption and checksum, as Java 18 and later have it,
        opens with any.
      - A PKCS12 that does need its password is opened by C(keytool) of the Java found, or of the search path, or else
        by the Python library cryptography, 36 or later.
    type: str
    default: changeit
  java_home:
    description: The Java whose bundle O(base=auto) takes. Left out, it is found.
    type: path
  install_dir:
    description: The product's installation, where O(base=auto) looks for its Java. Left out, it is found.
    type: path
  service:
    description: Name of the service that runs the product, where O(base=auto) looks for its Java.
    type: str
    default: atlbitbucket
  certificates:
    description:
      - Certificates to add.
      - Best is the CA's certificate. A self-signed certificate of the mail server does as well. A server certificate
        that a CA issued works only until it is renewed, which gives a warning.
      - A private key among them is refused.
    type: list
    elements: dict
    default: []
    suboptions:
      pem:
        description:
          - PEM text, with one or more certificates or PKCS7 blocks, all of which are added.
          - The way for certificates from the controller, with the P(ansible.builtin.file#lookup) lookup, or from a
            vaulted variable.
          - Mutually exclusive with O(certificates[].path), and one of the two is required.
        type: str
      path:
        description: A file on the target with one or more certificates, in PEM, DER or PKCS7.
        type: path
      alias:
        description:
          - The alias in the truststore. It is put in lowercase, since a JVM never trusts others.
          - Where there are several certificates, each one's SHA-256 is appended in short.
          - Left out, it is made from the subject, such as V(stash_mail:example-root-ca-3f2a9c01).
        type: str
  fetch:
    description: Mail servers whose presented certificates to add, checked against fingerprints that you give.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: Host name or IP address.
        type: str
        required: true
      port:
        description: TCP port.
        type: int
        default: 25
      security:
        description:
          - How TLS begins.
          - V(starttls_required) and V(starttls_optional) both mean SMTP's STARTTLS here.
          - V(smtps) means TLS from the first byte, so it serves for LDAPS and HTTPS servers too.
        type: str
        choices: [starttls_optional, starttls_required, smtps]
        default: starttls_required
      sha256:
        description:
          - SHA-256 fingerprints of the certificates to add, of all that the server presents. 64 hexadecimal digits,
            colons allowed.
          - Required unless O(fetch[].report_only=true). Without it the module fails, with an error that lists what the
            server presented, for you to compare with its administrator over another channel.
          - Name the CA's where the server presents it, and the server's own only where that is self-signed.
        type: list
        elements: str
        default: []
      report_only:
        description: Whether only to return what the server presents, in RV(fetched), and to add nothing.
        type: bool
        default: false
  exclude:
    description: SHA-256 fingerprints of certificates to leave out, such as a CA in O(base) that must not be trusted.
    type: list
    elements: str
    default: []
  format:
    description:
      - V(jks) is read by every current JVM.
      - V(pkcs12) is written without encryption and checksum, as the bundles of Java 18 and later. Every JVM from
        Java 8 on reads it.
    type: str
    choices: [jks, pkcs12]
    default: jks
  password:
    description:
      - The password of the new truststore, for its checksum. A truststore holds nothing secret.
      - A JVM reads the file with this password and with none. With O(format=pkcs12) it is not used, and any will do.
    type: str
    default: changeit
  loaded_sha256:
    description:
      - RV(sha256) of the truststore that the product's Java has just loaded, as RV(loaded) said of a run in check mode.
      - If the new file is exactly that, Java is not started for it a second time. Anything else is loaded as if this
        option were left out.
    type: str
  warn_days:
    description: Warn about added certificates that expire within so many days.
    type: int
    default: 30
  state:
    description:
      - V(present) writes the truststore.
      - V(absent) removes it. A JVM that is still pointed at a truststore that is gone falls back to its own, silently.
        So take the argument out first, with M(stashops.mail.stash_mail_jvm).
    type: str
    choices: [present, absent]
    default: present
  backup:
    description: Whether to keep a copy of the old file, with a timestamp in its name, when it is replaced or removed.
    type: bool
    default: false
  deadline:
    description: Seconds for all of O(fetch) together.
    type: float
    default: 30
seealso:
  - module: stashops.mail.stash_mail_jvm
  - module: stashops.mail.stash_mail_probe
  - module: stashops.mail.stash_mail_info
"""

EXAMPLES = r"""
- name: Trust the company's CA besides all that Bitbucket's Java trusts
  stashops.mail.stash_mail_truststore:
    path: /etc/stash_mail/cacerts
    certificates:
      - pem: "{{ lookup('ansible.builtin.file', 'company-root-ca.pem') }}"
        alias: company-root-ca

- name: See which certificates a mail server presents, and change nothing
  stashops.mail.stash_mail_truststore:
    path: /etc/stash_mail/cacerts
    fetch:
      - host: mail.example.com
        port: 587
        report_only: true
  check_mode: true
  register: truststore

- name: Trust the self-signed certificate of a mail server, by its fingerprint
  stashops.mail.stash_mail_truststore:
    path: /etc/stash_mail/cacerts
    fetch:
      - host: mail.example.com
        port: 465
        security: smtps
        sha256: EB:C5:57:0C:29:01:8C:4D:67:B1:AA:12:7B:AF:12:F7:03:B4:61:1E:BC:17:B7:DA:B5:57:38:94:17:9B:93:FA

- name: A PKCS12 truststore from the operating system's CAs, without one of them
  stashops.mail.stash_mail_truststore:
    path: /etc/stash_mail/cacerts.p12
    format: pkcs12
    base: /etc/ssl/certs/ca-certificates.crt
    exclude:
      - 55:41:53:B1:3D:2C:F9:DD:B7:53:BF:BE:1A:4E:0A:E0:8D:0A:A4:18:70:58:FE:60:A2:B8:62:B2:E4:B8:7B:CB
    certificates:
      - path: /usr/local/share/company-root-ca.der
    owner: root
    group: atlbitbucket
    mode: "0640"

- name: Remove it
  stashops.mail.stash_mail_truststore:
    path: /etc/stash_mail/cacerts
    state: absent
"""

RETURN = r"""
path:
  description: The truststore.
  type: str
  returned: always
  sample: /etc/stash_mail/cacerts
sha256:
  description: SHA-256 of the file as it is, or would be, after the run. Empty for O(state=absent).
  type: str
  returned: success
entries:
  description: Number of certificates in it.
  type: int
  returned: success
  sample: 145
added:
  description:
    - Certificates that the product trusts after the run and did not before.
    - Where there is no file at O(path) before or after the run, what counts is the base, as a JVM without a truststore
      of its own trusts that.
  type: list
  elements: dict
  returned: success
  contains: &certificate
    alias:
      description: Alias in the truststore.
      type: str
      sample: stash_mail:example-root-ca-3f2a9c01
    sha256:
      description: SHA-256 fingerprint, 64 lowercase hexadecimal digits.
      type: str
    subject:
      description: Subject as in RFC 4514. None where it cannot be read.
      type: str
      sample: CN=Example Root CA,O=Example
    not_after:
      description: End date, ISO 8601 in UTC. None where it cannot be read.
      type: str
      sample: "2036-11-20T12:00:00Z"
removed:
  description: Certificates that the product trusted before the run and does not after. The keys are as in RV(added).
  type: list
  elements: dict
  returned: success
  contains: *certificate
anchors:
  description:
    - The certificates of O(certificates) and O(fetch), also where the base holds them as well, and in check mode.
    - Can be handed on to O(stashops.mail.stash_mail_probe#module:extra_anchors).
  type: list
  elements: dict
  returned: success
  contains:
    alias:
      description: Alias in the truststore.
      type: str
    sha256:
      description: SHA-256 fingerprint, 64 lowercase hexadecimal digits.
      type: str
    subject:
      description: Subject as in RFC 4514.
      type: str
    not_after:
      description: End date, ISO 8601 in UTC.
      type: str
    pem:
      description: The certificate as PEM.
      type: str
loaded:
  description:
    - Who has loaded the truststore before it was put in place, or would be. None where nothing differs.
    - There are certificates that Python reads and no JVM does, and a single one makes a truststore that no JVM opens.
      They are refused by name.
  type: dict
  returned: success and O(state=present)
  contains:
    method:
      description:
        - V(jvm) for the product's own Java, or the one of the E(PATH) where that is not found.
        - V(rules) where no Java can be run. Then the certificates are refused for what is known that no JVM reads.
        - V(known) where it is what O(loaded_sha256) says.
      type: str
    reason:
      description: Which Java it was, or why there was none.
      type: str
      sample: Java 17.0.13 in /usr/lib/jvm/java-17-openjdk-amd64
base:
  description: The base.
  type: dict
  returned: success and O(state=present)
  contains:
    path:
      description: Its file or folder. None for O(base=none).
      type: str
      sample: /usr/lib/jvm/java-17-openjdk-amd64/lib/security/cacerts
    source:
      description: How it was found.
      type: str
    format:
      description: One of V(jks), V(pkcs12), V(pem), V(der), V(directory), or None for O(base=none).
      type: str
    entries:
      description: Number of certificates in it.
      type: int
fetched:
  description: What the servers of O(fetch) presented, in the order of O(fetch).
  type: list
  elements: dict
  returned: success and O(state=present)
  contains:
    host:
      description: The host asked.
      type: str
    port:
      description: The port asked.
      type: int
    complete:
      description: Whether all that the server presented could be read, or its own certificate only.
      type: bool
    how:
      description: How it was read.
      type: str
    certificates:
      description:
        - The server's own first. Keys are V(sha256), V(subject), V(issuer), V(not_before), V(not_after), V(dns_names),
          V(ip_addresses), V(is_ca), V(self_signed), V(key), V(signature_algorithm), V(serial) and V(common_name).
      type: list
      elements: dict
presented:
  description: What a server presented whose certificate was not the expected one. As RV(fetched[].certificates).
  type: list
  elements: dict
  returned: failure over O(fetch[].sha256)
backup_file:
  description: The copy of the old file.
  type: str
  returned: changed and O(backup=true)
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._host import finish
from ansible_collections.stashops.mail.plugins.module_utils._truststore.argument_specs import ARGUMENT_SPEC
from ansible_collections.stashops.mail.plugins.module_utils._truststore.build import Candidate, run
from ansible_collections.stashops.mail.plugins.module_utils._x509.chain import PresentedChain


def main() -> None:
    """Entry point."""
    module = AnsibleModule(ARGUMENT_SPEC, add_file_common_args=True, supports_check_mode=True)
    finish(module, lambda host, params: run(host, params, fetch_chain, load_store))


def fetch_chain(host: str, port: int, security: str, seconds: float) -> PresentedChain:
    """Ask a mail server for its certificates; imported only where it is needed, since that makes the start slower."""
    from ansible_collections.stashops.mail.plugins.module_utils._smtp import tls

    return tls.fetch_chain(host, port, security, seconds)


def load_store(candidate: Candidate, params: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Have the product's JVM load the truststore; imported only where one is to be written."""
    from ansible_collections.stashops.mail.plugins.module_utils._verdict import loading

    return loading.load_by_product(candidate, params)


if __name__ == "__main__":
    main()
