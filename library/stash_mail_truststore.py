#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a Java truststore from a JVM's own bundle and certificates of one's own."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_truststore
short_description: Build a Java truststore from a base bundle and certificates
version_added: 0.1.0
author:
  - The stash_mail developers (@stashops)
description:
  - Writes one truststore (the file that a JVM's C(-Djavax.net.ssl.trustStore) names) with all certificates of a base
    bundle and those of O(certificates) and O(fetch).
  - It is built anew from the current base at each run, so CAs that an update of Java adds or withdraws flow through,
    and nothing of yours is lost. The same input gives the same bytes on any target, so a second run changes nothing.
  - The JVM's own bundle is read and never written to.
  - No Java is needed on the target, except to find the bundle for O(base=auto), and to open a base that is an encrypted
    PKCS12.
extends_documentation_fragment:
  - ansible.builtin.files
  - stashops.mail.attributes
  - stashops.mail.attributes.files
  - stashops.mail.attributes.actiongroup
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
      - Absolute path of the truststore. Its folder must exist. If it is a symbolic link, the file it points to is
        replaced.
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
        PKCS7, told apart by content. In a folder all files named C(.pem), C(.crt), C(.cer), C(.der), C(.p7b) and
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
            server presented, for you to compare with its administrator by another way.
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
      - V(jks) is read by every JVM up to now.
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

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._inputs import check_host, check_port, check_sha256
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline, DeadlineExceeded
from ansible_collections.stashops.mail.plugins.module_utils._truststore import additions as certificate_set
from ansible_collections.stashops.mail.plugins.module_utils._truststore import base as base_bundle
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store
from ansible_collections.stashops.mail.plugins.module_utils._truststore.additions import Additions, Presented
from ansible_collections.stashops.mail.plugins.module_utils._truststore.base import Base
from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry, TruststoreError
from ansible_collections.stashops.mail.plugins.module_utils._x509 import pem as pem_reader

if t.TYPE_CHECKING:
    from ansible_collections.stashops.mail.plugins.module_utils._product.install import Java

_MAX_CERTIFICATE_FILE = 8 * 1024 * 1024


def find_java(params: t.Mapping[str, t.Any]) -> Java | None:
    """The product's Java: a must for ``base: auto``, otherwise only where ``java_home`` names it."""
    if params["base"] != "auto" and not params["java_home"]:
        return None
    # Only where it is needed, since it makes the start slower.
    from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs

    if params["base"] == "auto":
        return installs.find_java(params["install_dir"], params["java_home"], params["service"])
    return installs.find_java(None, params["java_home"], None)


def load_base(params: t.Mapping[str, t.Any], java: Java | None) -> Base:
    """Read the base that the options name; raises :class:`StashMailError`."""
    base = params["base"]
    if base == "none":
        return base_bundle.NO_BASE
    if base == "auto" and java is not None:
        if not java.cacerts:
            raise TruststoreError(
                f"The Java in {java.home} (found by: {java.source}) has no lib/security/cacerts. "
                "Name a bundle with base, or another Java with java_home."
            )
        return base_bundle.load(java.cacerts, params["base_password"], java.source, find_keytool(java))
    return base_bundle.load(base, params["base_password"], "option base", find_keytool(java))


def find_keytool(java: Java | None) -> str | None:
    """The keytool of ``java``; None if it has none, so that one on the search path is taken."""
    for folder in ("bin", os.path.join("jre", "bin")):
        path = os.path.join(java.home, folder, "keytool") if java else ""
        if path and os.access(path, os.X_OK):
            return path
    return None


def check_existing(path: str) -> bytes | None:
    """The file at ``path``, which must be a truststore, even a damaged one; None if there is none.

    :raises StashMailError: if it is something else, so that a mistyped path never overwrites another file.
    """
    data = _files.read_if_there(path, store.MAX_SIZE) if os.path.exists(path) else None
    if data:
        try:
            known = store.detect(data) in store.FORMATS
        except TruststoreError:
            known = False
        if not known:
            raise TruststoreError(f"path {path} is an existing file that is no truststore. Name another, or remove it.")
    return data


def read_existing(module: AnsibleModule, path: str, data: bytes | None) -> list[Entry] | None:
    """The entries of the old file; None if there is none, and no entries if it is damaged."""
    if data is None:
        return None
    try:
        # Without the password: an old one may have had another, and a JVM would read it so too.
        return store.read_store(data, None, where=path)
    except StashMailError as error:
        module.warn(f"The existing truststore is damaged. {error}")
        return []


def collect(module: AnsibleModule) -> Additions:
    """The certificates of the option ``certificates``; raises :class:`StashMailError`."""
    additions = Additions()
    for number, item in enumerate(module.params["certificates"]):
        where = f"certificates[{number}]"
        if item["pem"] is not None:
            ders = pem_reader.load_pem(item["pem"], f"{where}.pem")
            # The option is no_log only for the case that a private key is pasted there by mistake. Now it is known
            # not to be, and masking it would mask the same certificate in what is returned.
            module.no_log_values.discard(item["pem"])
        else:
            name = f"{where}.path {item['path']}"
            ders = pem_reader.load(_files.read(item["path"], _MAX_CERTIFICATE_FILE, name), name)
        additions.add(ders, where, item["alias"])
    return additions


def fetch(module: AnsibleModule, additions: Additions) -> list[Presented]:
    """Ask the servers of the option ``fetch``, and add what is pinned; raises :class:`StashMailError`."""
    items = module.params["fetch"]
    for number, item in enumerate(items):
        check_host(item["host"], f"fetch[{number}].host")
        check_port(item["port"], f"fetch[{number}].port")
        for fingerprint in item["sha256"]:
            check_sha256(fingerprint, f"fetch[{number}].sha256")
    if not items:
        return []
    # Only where it is needed: the session code makes the module larger and its start slower.
    from ansible_collections.stashops.mail.plugins.module_utils._smtp.tls import fetch_chain

    deadline = Deadline(module.params["deadline"])
    fetched = []
    for number, item in enumerate(items):
        try:
            chain = fetch_chain(item["host"], item["port"], item["security"], deadline.remaining())
        except DeadlineExceeded:
            raise StashMailError(
                f"fetch[{number}]: the deadline of {deadline.seconds:g} seconds had passed before "
                f"{item['host']}:{item['port']} was asked. Raise deadline, or see why the others are slow."
            ) from None
        except StashMailError as error:
            raise StashMailError(f"fetch[{number}]: {error}", **error.details) from None
        presented = Presented(item["host"], item["port"], chain.certificates, chain.complete, chain.how)
        fetched.append(presented)
        if not item["report_only"]:
            chosen = certificate_set.choose(presented, item["sha256"], f"fetch[{number}]")
            additions.add(chosen, f"fetch[{number}]")
    return fetched


def summarise(entries: t.Iterable[Entry], without: t.Iterable[Entry], additions: Additions) -> list[dict[str, t.Any]]:
    """What the result says of those of ``entries`` that are not in ``without``, by alias."""
    others = {entry.der for entry in without}
    return [summary(entry, additions) for entry in sorted(entries, key=lambda e: e.alias) if entry.der not in others]


def summary(entry: Entry, additions: Additions) -> dict[str, t.Any]:
    """What the result says of one certificate; those that are not ours may be unreadable to cryptography."""
    try:
        facts = additions.facts(entry.der)
    except KeyError:
        facts = certificate_set.try_describe(entry.der)
    return {
        # A base's alias may hold half a surrogate pair, which JSON in UTF-8 does not carry.
        "alias": entry.alias.encode("utf-8", "replace").decode("utf-8"),
        "sha256": facts["sha256"],
        "subject": facts["subject"],
        "not_after": facts["not_after"],
    }


def make_diff(path: str, before: bytes | None, after: bytes | None, result: t.Mapping[str, t.Any]) -> dict[str, str]:
    """The difference as Ansible shows it: one line for each certificate that comes or goes."""

    def text(data: bytes | None, changed: list[dict[str, t.Any]]) -> str:
        if data is None and not changed:
            return ""
        lines = [f"truststore with the SHA-256 {pem_reader.sha256(data)}"] if data is not None else []
        lines += [f"{c['alias']}  sha256={c['sha256']}  until={c['not_after']}  {c['subject']}" for c in changed]
        return "\n".join(lines) + "\n"

    return {
        "before_header": path,
        "after_header": path,
        "before": text(before, result["removed"]),
        "after": text(after, result["added"]),
    }


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Do what the module's parameters ask for; returns its result, or raises :class:`StashMailError`."""
    path = module.params["path"]
    return remove(module, path) if module.params["state"] == "absent" else write(module, path)


def remove(module: AnsibleModule, path: str) -> dict[str, t.Any]:
    """Remove the truststore."""
    base_bundle.check_target(path, None, None)
    data = check_existing(path)
    old = read_existing(module, path, data) or []
    try:
        # What the JVM trusts from then on. Where Java or the bundle is gone already, that is nothing.
        base = load_base(module.params, find_java(module.params)) if old else base_bundle.NO_BASE
    except StashMailError:
        base = base_bundle.NO_BASE
    result: dict[str, t.Any] = {
        "changed": os.path.lexists(path),
        "path": path,
        "sha256": "",
        "entries": 0,
        "added": [],
        "removed": summarise(old, base.entries, Additions()),
        "anchors": [],
    }
    if module._diff:
        result["diff"] = make_diff(path, data, None, result)
    if result["changed"] and not module.check_mode:
        if module.params["backup"] and data is not None:
            result["backup_file"] = module.backup_local(path)
        _files.remove(path)
    return result


def write(module: AnsibleModule, path: str) -> dict[str, t.Any]:
    """Build the truststore and write it where it differs from what is there."""
    params = module.params
    exclude = {check_sha256(item, f"exclude[{number}]") for number, item in enumerate(params["exclude"])}
    if not params["password"]:
        raise TruststoreError("password is empty: a JVM cannot check a truststore so. Leave it out for changeit.")
    java = find_java(params)
    base = load_base(params, java)
    base_bundle.check_target(path, base.path, java.cacerts if java else None)
    before = check_existing(path)
    additions = collect(module)
    fetched = fetch(module, additions)
    built = store.build(base.entries, additions.entries(), exclude)
    after = store.write_store(built.entries, params["format"], params["password"])
    old = read_existing(module, path, before)
    result: dict[str, t.Any] = {
        "changed": before != after,
        "path": path,
        "sha256": pem_reader.sha256(after),
        "entries": len(built.entries),
        "added": summarise(built.entries, base.entries if old is None else old, additions),
        "removed": summarise(base.entries if old is None else old, built.entries, additions),
        "anchors": [dict(summary(e, additions), pem=pem_reader.to_pem(e.der)) for e in built.ours],
        "base": {"path": base.path, "source": base.source, "format": base.format, "entries": len(base.entries)},
        "fetched": [
            dict(item._asdict(), certificates=certificate_set.describe_all(item.certificates)) for item in fetched
        ],
    }
    for entry in built.ours:
        for warning in certificate_set.judge(entry.alias, additions.facts(entry.der), params["warn_days"]):
            module.warn(warning)
    install(module, path, before, after, result)
    return result


def install(module: AnsibleModule, path: str, before: bytes | None, after: bytes, result: dict[str, t.Any]) -> None:
    """Put the file in place with its attributes, or in check mode see what that would change; completes ``result``."""
    diff = make_diff(path, before, after, result) if result["changed"] else {}
    attributes = module.load_file_common_arguments(module.params, path=os.path.realpath(path))
    if not module.check_mode:
        _files.remove_leftovers(path)
    if result["changed"] and not module.check_mode:
        if module.params["backup"] and before is not None:
            result["backup_file"] = module.backup_local(path)
        _files.replace(
            path,
            after,
            prepare=lambda temporary: set_attributes(module, temporary, attributes),
            in_place=module.params["unsafe_writes"],
        )
    attributes_diff: dict[str, t.Any] = {}
    if os.path.exists(path):
        result["changed"] = module.set_fs_attributes_if_different(attributes, result["changed"], attributes_diff)
    if module._diff:
        result["diff"] = [item for item in (diff, attributes_diff) if item]


def set_attributes(module: AnsibleModule, temporary: str, attributes: dict[str, t.Any]) -> None:
    """Give the temporary file what the final one shall have, so that it never stands there with less."""
    path = attributes["path"]
    if module.selinux_enabled():
        context = module.selinux_context(path) if os.path.exists(path) else module.selinux_default_context(path)
        module.set_context_if_different(temporary, context, False)
    # Not chattr's flags: an immutable file could not be renamed.
    module.set_fs_attributes_if_different(dict(attributes, path=temporary, attributes=None), False)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "base": {"type": "str", "default": "auto"},
            "base_password": {"type": "str", "default": "changeit", "no_log": True},
            "java_home": {"type": "path"},
            "install_dir": {"type": "path"},
            "service": {"type": "str", "default": "atlbitbucket"},
            "certificates": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "pem": {"type": "str", "no_log": True},
                    "path": {"type": "path"},
                    "alias": {"type": "str"},
                },
                "mutually_exclusive": [("pem", "path")],
                "required_one_of": [("pem", "path")],
            },
            "fetch": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "host": {"type": "str", "required": True},
                    "port": {"type": "int", "default": 25},
                    "security": {
                        "type": "str",
                        "choices": ["starttls_optional", "starttls_required", "smtps"],
                        "default": "starttls_required",
                    },
                    "sha256": {"type": "list", "elements": "str", "default": []},
                    "report_only": {"type": "bool", "default": False},
                },
            },
            "exclude": {"type": "list", "elements": "str", "default": []},
            "format": {"type": "str", "choices": list(store.FORMATS), "default": "jks"},
            "password": {"type": "str", "default": "changeit", "no_log": True},
            "warn_days": {"type": "int", "default": 30},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "backup": {"type": "bool", "default": False},
            "deadline": {"type": "float", "default": 30},
        },
        add_file_common_args=True,
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except StashMailError as error:
        module.fail_json(path=module.params["path"], msg=str(error), **error.details)


if __name__ == "__main__":
    main()
