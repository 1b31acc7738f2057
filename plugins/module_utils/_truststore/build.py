# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truststore as it is wanted: built from its base and the certificates, compared, and put in place."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._inputs import check_host, check_port, check_sha256
from ansible_collections.stashops.mail.plugins.module_utils._java.start import JavaBehind
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline, DeadlineExceeded
from ansible_collections.stashops.mail.plugins.module_utils._truststore import base as bases
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store
from ansible_collections.stashops.mail.plugins.module_utils._truststore.additions import (
    CertificateSet,
    choose,
    describe_all,
    warnings_for,
)
from ansible_collections.stashops.mail.plugins.module_utils._truststore.attributes import Attributes
from ansible_collections.stashops.mail.plugins.module_utils._truststore.base import Base
from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry, TruststoreError
from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import try_describe
from ansible_collections.stashops.mail.plugins.module_utils._x509.chain import PresentedChain
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import load, load_pem, sha256, to_pem

if t.TYPE_CHECKING:
    from ansible_collections.stashops.mail.plugins.module_utils._product.install import Java

# Host, port, security and seconds.
FetchChain = t.Callable[[str, int, str, float], PresentedChain]


class Candidate(t.NamedTuple):
    """A truststore that is not written yet; ``name`` says of one of its certificates which it is, for messages."""

    data: bytes
    format: str
    password: str
    entries: list[Entry]
    name: t.Callable[[bytes], str]


# The candidate and the module's parameters; who has loaded it, or StashMailError.
LoadStore = t.Callable[[Candidate, t.Mapping[str, t.Any]], "dict[str, str]"]
_MAX_CERTIFICATE_FILE = 8 * 1024 * 1024


def find_java(params: t.Mapping[str, t.Any]) -> Java | None:
    """The product's Java: a must for ``base: auto``, otherwise only where ``java_home`` names it."""
    if params["behind"] or (params["base"] != "auto" and not params["java_home"]):
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
        return bases.NO_BASE
    if base == "auto" and params["behind"]:
        return bases.load_behind(JavaBehind(params["behind"], params["java_home"]), params["base_password"])
    # Without one of this Java's own, one on the search path is taken.
    keytool = java.home.keytool or None if java else None
    if base == "auto" and java is not None:
        cacerts = java.home.cacerts()
        if not cacerts:
            raise TruststoreError(
                f"The Java in {java.home.path} (found by: {java.source}) has no lib/security/cacerts. "
                "Name a bundle with base, or another Java with java_home."
            )
        return bases.load(cacerts, params["base_password"], java.source, keytool)
    return bases.load(base, params["base_password"], "option base", keytool)


def check_existing(path: str) -> bytes | None:
    """The file at ``path``, which must be a truststore, even a damaged one; None if there is none.

    :raises StashMailError: if it is something else, so that a mistyped path never overwrites another file.
    """
    data = _files.read_if_there(path, store.MAX_SIZE)
    if data:
        try:
            known = store.detect(data) in store.FORMATS
        except TruststoreError:
            known = False
        if not known:
            raise TruststoreError(f"path {path} is an existing file that is no truststore. Name another, or remove it.")
    return data


def read_existing(host: Host, path: str, data: bytes | None) -> list[Entry] | None:
    """The entries of the old file; None if there is none, and no entries if it is damaged."""
    if data is None:
        return None
    try:
        # Without the password: an old one may have had another, and a JVM would read it so too.
        return store.read_store(data, None, where=path)
    except StashMailError as error:
        host.warn(f"The existing truststore is damaged. {error}")
        return []


def collect(host: Host, params: t.Mapping[str, t.Any]) -> CertificateSet:
    """The certificates of the option ``certificates``; raises :class:`StashMailError`."""
    additions = CertificateSet()
    for number, item in enumerate(params["certificates"]):
        where = f"certificates[{number}]"
        if item["pem"] is not None:
            ders = load_pem(item["pem"], f"{where}.pem")
            # The option is no_log only for the case that a private key is pasted there by mistake. Now it is known
            # not to be, and masking it would mask the same certificate in what is returned.
            host.module.no_log_values.discard(item["pem"])
        else:
            name = f"{where}.path {item['path']}"
            ders = load(_files.read(item["path"], _MAX_CERTIFICATE_FILE, name), name)
        additions.add(ders, where, item["alias"])
    return additions


def fetch(params: t.Mapping[str, t.Any], fetch_chain: FetchChain, additions: CertificateSet) -> list[PresentedChain]:
    """Ask the servers of the option ``fetch``, and add what is pinned; raises :class:`StashMailError`."""
    items = params["fetch"]
    for number, item in enumerate(items):
        check_host(item["host"], f"fetch[{number}].host")
        check_port(item["port"], f"fetch[{number}].port")
        for fingerprint in item["sha256"]:
            check_sha256(fingerprint, f"fetch[{number}].sha256")
    if not items:
        return []
    deadline = Deadline(params["deadline"])
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
        fetched.append(chain)
        if not item["report_only"]:
            chosen = choose(chain, item["sha256"], f"fetch[{number}]")
            additions.add(chosen, f"fetch[{number}]")
    return fetched


def summarise(
    entries: t.Iterable[Entry], others: t.Iterable[Entry], additions: CertificateSet
) -> list[dict[str, t.Any]]:
    """What the result says of those of ``entries`` that are not among ``others``, by alias."""
    known = {entry.der for entry in others}
    return [summary(entry, additions) for entry in sorted(entries, key=lambda e: e.alias) if entry.der not in known]


def summary(entry: Entry, additions: CertificateSet) -> dict[str, t.Any]:
    """What the result says of one certificate; those that are not ours may be unreadable to cryptography."""
    try:
        facts = additions.facts(entry.der)
    except KeyError:
        facts = try_describe(entry.der)
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
        lines = [f"truststore with the SHA-256 {sha256(data)}"] if data is not None else []
        lines += [f"{c['alias']}  sha256={c['sha256']}  until={c['not_after']}  {c['subject']}" for c in changed]
        return "\n".join(lines) + "\n"

    return {
        "before_header": path,
        "after_header": path,
        "before": text(before, result["removed"]),
        "after": text(after, result["added"]),
    }


def run(host: Host, params: t.Mapping[str, t.Any], fetch_chain: FetchChain, load_store: LoadStore) -> dict[str, t.Any]:
    """Do what the parameters of stash_mail_truststore ask for; returns its result.

    ``fetch_chain`` asks a mail server for its certificates, as :func:`_smtp.tls.fetch_chain` does; ``load_store`` has a
    JVM load the truststore, as :func:`_verdict.loading.load` does.

    :raises StashMailError: with ``path`` among its details.
    """
    return build(host, params, fetch_chain, load_store)[0]


def build(
    host: Host, params: t.Mapping[str, t.Any], fetch_chain: FetchChain, load_store: LoadStore
) -> tuple[dict[str, t.Any], bytes | None]:
    """As :func:`run`; also returns what is in the file then, None where it is removed."""
    path = params["path"]
    try:
        if params["state"] == "absent":
            return remove(host, params, path), None
        return write(host, params, path, fetch_chain, load_store)
    except StashMailError as error:
        error.details.setdefault("path", path)
        raise


def remove(host: Host, params: t.Mapping[str, t.Any], path: str) -> dict[str, t.Any]:
    """Remove the truststore."""
    bases.check_target(path, None, None)
    data = check_existing(path)
    old = read_existing(host, path, data) or []
    try:
        # What the JVM trusts from then on. Where Java or the bundle is gone already, that is nothing.
        base = load_base(params, find_java(params)) if old else bases.NO_BASE
    except StashMailError:
        base = bases.NO_BASE
    result: dict[str, t.Any] = {
        "changed": os.path.lexists(path),
        "path": path,
        "sha256": "",
        "entries": 0,
        "added": [],
        "removed": summarise(old, base.entries, CertificateSet()),
        "anchors": [],
    }
    if host.shows_diff:
        result["diff"] = make_diff(path, data, None, result)
    if result["changed"] and not host.check_mode:
        if params["backup"] and data is not None:
            result["backup_file"] = _files.backup(path, _files.keep_context(host.module, path))
        _files.remove(path)
    return result


def write(
    host: Host, params: t.Mapping[str, t.Any], path: str, fetch_chain: FetchChain, load_store: LoadStore
) -> tuple[dict[str, t.Any], bytes]:
    """Build the truststore and write it where it differs from what is there."""
    known = check_sha256(params["loaded_sha256"], "loaded_sha256") if params["loaded_sha256"] else ""
    exclude = {check_sha256(item, f"exclude[{number}]") for number, item in enumerate(params["exclude"])}
    if not params["password"]:
        raise TruststoreError("password is empty: a JVM cannot check a truststore so. Leave it out for changeit.")
    bases.check_target(path, None, None)
    attributes = Attributes(host.module, params)
    java = find_java(params)
    base = load_base(params, java)
    bases.check_target(path, base.path, java.home.cacerts() if java else None)
    before = check_existing(path)
    additions = collect(host, params)
    fetched = fetch(params, fetch_chain, additions)
    built = store.build(base.entries, additions.entries(), exclude)
    after = store.write_store(built.entries, params["format"], params["password"])
    loaded = None
    if before != after and sha256(after) == known:
        loaded = {"method": "known", "reason": "A JVM has loaded these very bytes before, as loaded_sha256 says."}
    elif before != after:

        def name(der: bytes) -> str:
            return f"{additions.origin(der) or f'base {base.path}'}: the certificate with SHA-256 {sha256(der)}"

        loaded = load_store(Candidate(after, params["format"], params["password"], built.entries, name), params)
    old = read_existing(host, path, before)
    result: dict[str, t.Any] = {
        "changed": before != after,
        "path": path,
        "sha256": sha256(after),
        "entries": len(built.entries),
        "added": summarise(built.entries, base.entries if old is None else old, additions),
        "removed": summarise(base.entries if old is None else old, built.entries, additions),
        "anchors": [dict(summary(e, additions), pem=to_pem(e.der)) for e in built.ours],
        "loaded": loaded,
        "base": {"path": base.path, "source": base.source, "format": base.format, "entries": len(base.entries)},
        "fetched": [dict(item._asdict(), certificates=describe_all(item.certificates)) for item in fetched],
    }
    for entry in built.ours:
        for warning in warnings_for(entry.alias, additions.facts(entry.der), params["warn_days"]):
            host.warn(warning)
    install(host, params, path, before, after, attributes, result)
    return result, after


def _make_folders(host: Host, folder: str) -> None:
    """Make what is missing of ``folder``. Readable for the product's account whatever the umask."""
    if not os.path.isdir(folder):
        _make_folders(host, os.path.dirname(folder))
        _files.make_folder(folder, prepare=_files.keep_context(host.module, folder))


def install(
    host: Host,
    params: t.Mapping[str, t.Any],
    path: str,
    before: bytes | None,
    after: bytes,
    attributes: Attributes,
    result: dict[str, t.Any],
) -> None:
    """Put the file in place with its attributes, or in check mode see what that would change; completes ``result``."""
    rebuilt = result["changed"]
    parts: list[dict[str, t.Any]] = []
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        parts.append({"before": {"path": folder, "state": "absent"}, "after": {"path": folder, "state": "directory"}})
    if rebuilt:
        parts.append(make_diff(path, before, after, result))
    if before is not None:
        with _files.opened(path) as file:
            old, new = attributes.apply(file, write=not (rebuilt or host.check_mode))
        if new:
            result["changed"] = True
            parts.append({"before": old, "after": new})
    if not host.check_mode:
        _make_folders(host, folder)
        _files.remove_leftovers(path)
        if rebuilt:
            replace(host, params, path, before, after, attributes, result)
    flags_diff: dict[str, t.Any] = {}
    if os.path.exists(path):
        result["changed"] = attributes.apply_flags(path, result["changed"], flags_diff)
    if host.shows_diff:
        result["diff"] = [item for item in (*parts, flags_diff) if item]


def replace(
    host: Host,
    params: t.Mapping[str, t.Any],
    path: str,
    before: bytes | None,
    after: bytes,
    attributes: Attributes,
    result: dict[str, t.Any],
) -> None:
    """Put the new file in the old one's place, with its attributes from the first moment on."""
    keep_context = _files.keep_context(host.module, path)

    def prepare(temporary: _files.Opened) -> None:
        keep_context(temporary)
        attributes.apply(temporary)

    if params["backup"] and before is not None:
        result["backup_file"] = _files.backup(path, keep_context)
    _files.replace(path, after, prepare=prepare, in_place=params["unsafe_writes"])
    with _files.opened(path) as file:
        attributes.apply(file)  # where it could only be overwritten
