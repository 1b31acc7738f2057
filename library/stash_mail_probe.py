#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out whether Bitbucket could send mail through a mail server, without sending any."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_probe
short_description: Find out whether Bitbucket could send mail through a mail server
version_added: 1.0.0
author:
  - The stash_mail developers (@stashops)
description:
  - Has the conversation with the mail server that Stash or Bitbucket would have with these settings, up to the point
    where a message would be handed over. No message is sent.
  - Says whether the product's JVM, with its truststore, accepts the server's certificate. This differs from what other
    programs accept. Nothing is sent to a server that the JVM would not talk to, least of all a password.
  - Asks that JVM itself, or OpenSSL where no Java can be run. See O(method).
  - Says for each of the four security modes what Bitbucket would do with this server. See O(all_modes).
  - Fails if Bitbucket could not send with these settings, and says what failed, what it means and what to do.
  - What Bitbucket would do and should not is a warning, such as sending its password unencrypted.
extends_documentation_fragment:
  - stashops.mail.attributes
  - stashops.mail.attributes.asks_only
  - stashops.mail.attributes.actiongroup
  - stashops.mail.connection
options:
  auth_type:
    description:
      - How Bitbucket authenticates.
      - With V(basic) it is by O(username) and O(password), or not at all where both are left out.
      - With V(oauth2) it is by a token that only Bitbucket has. The conversation then ends where that would be sent,
        which is a warning and no failure, and neither O(sender) nor O(recipient) is tried. O(password) must be left
        out.
    type: str
    choices: [basic, oauth2]
    default: basic
  sender:
    description: The sender to try, as Bitbucket would use it. Left out, the conversation ends after authentication.
    type: str
  recipient:
    description: A recipient to try. Left out, no recipient is tried. It needs O(sender).
    type: str
  method:
    description:
      - Who says what the JVM makes of the server.
      - With V(jvm) the Java in O(java_home), with O(truststore) and O(jvm_arguments), connects to the server itself and
        gets as far as the end of the TLS handshake. It is given no user name and no password of the mail server. The
        module fails if this Java cannot be asked.
      - Any Java from 8 on will do, a JRE as well as a JDK. A Java that accounts other than root can change is run as
        the account that owns it, never as root.
      - With V(openssl) no Java is run. OpenSSL, by way of Python, connects to the server, with the same trusted
        certificates. Where it is known that Java may decide otherwise there is no verdict, and the module fails with
        RV(outcome=unknown).
      - With V(auto) the JVM is asked where it can be, and OpenSSL otherwise. RV(jvm.method) says which it was.
    type: str
    choices: [auto, jvm, openssl]
    default: auto
  jvm_arguments:
    description:
      - Further arguments of the product's JVM, such as C(process.arguments) from M(stashops.mail.stash_mail_info).
      - Only those count that bear on TLS and the choice of addresses, such as C(-Djdk.tls.client.protocols).
      - The truststore and its password have options of their own, their arguments do not count here.
        Neither does any argument with a secret.
    type: list
    elements: str
    default: []
  all_modes:
    description:
      - Whether to find out about all security modes, where necessary by up to three further connections.
      - In these the password is never sent.
      - If V(false), RV(modes) says V(unknown) about what the one conversation does not tell.
    type: bool
    default: false
requirements:
  - The Python library C(cryptography) 3.2 or later on the target, unless O(security=plain).
seealso:
  - module: stashops.mail.stash_mail_send
  - module: stashops.mail.stash_mail_truststore
"""

EXAMPLES = r"""
- name: Find out whether Bitbucket could send mail through mail.example.com
  stashops.mail.stash_mail_probe:
    host: mail.example.com
    port: 587
    security: starttls_required
    username: bitbucket
    password: "{{ vault_mail_password }}"
    sender: bitbucket@example.com
    recipient: ops@example.com
    truststore: /etc/stash_mail/cacerts

- name: Find out which security modes would do, asking the product's own Java
  stashops.mail.stash_mail_probe:
    host: mail.example.com
    port: 587
    sender: bitbucket@example.com
    truststore: /etc/stash_mail/cacerts
    java_home: /opt/atlassian/bitbucket/current/jre
    method: jvm
    all_modes: true
  register: probe

- name: Look at the certificate of an SMTPS server, whatever comes of it
  stashops.mail.stash_mail_probe:
    host: mail.example.com
    port: 465
    security: smtps
  register: probe
  failed_when: probe.chain | length == 0
"""

RETURN = r"""
outcome:
  description:
    - How the conversation ends, one of a closed set of codes.
    - V(deliver), V(deliver_plaintext), V(deliver_unauthenticated), V(auth_untested) and V(token_untested) where
      Bitbucket would send, as far as that can be known.
    - V(dns), V(refused), V(timeout), V(dropped), V(not_smtp), V(deferred), V(rejected), V(starttls_missing),
      V(starttls_failed), V(starttls_injection), V(tls_protocol), V(tls_untrusted), V(tls_identity),
      V(auth_unsupported), V(auth_failed), V(sender_refused) or V(recipient_refused) where it could not.
    - V(unknown) where the question could not be put, as with O(method=jvm) and a JVM that came to no verdict.
  type: str
  returned: always
  sample: deliver
delivers:
  description:
    - Whether Bitbucket's mail would go out, as far as that can be known, though perhaps not as one would want it.
    - It is RV(outcome) in one word, and stays right where outcomes are added.
  type: bool
  returned: always
code:
  description: The same as RV(outcome), where the module fails.
  type: str
  returned: failure
cause:
  description: What the outcome stands for.
  type: str
  returned: always
meaning:
  description: What that means for Bitbucket.
  type: str
  returned: always
remedy:
  description: What to do next.
  type: str
  returned: always
log:
  description: The text that would stand in Bitbucket's log, as far as it is known.
  type: str
  returned: failure
banner:
  description: The server's greeting.
  type: str
  returned: always
hello:
  description:
    - The name given in EHLO. It is the canonical name of this host as Java finds it, which JavaMail would give.
    - The host name where no Java could be asked. Empty where it did not come to that.
  type: str
  returned: always
  sample: bitbucket.example.com
capabilities:
  description: What the server offers, after TLS where TLS was spoken.
  type: list
  elements: str
  returned: always
authenticated:
  description:
    - Whether the server took O(username) and O(password) in this conversation. V(false) where it refused them, where it
      does not ask for them, and where they were not sent. V(none) where there are none.
  type: bool
  returned: always
tls:
  description: Version and cipher of the TLS connection, V(none) without one.
  type: dict
  returned: always
  contains:
    version:
      description: Protocol version.
      type: str
      sample: TLSv1.3
    cipher:
      description: Cipher suite, in OpenSSL's name.
      type: str
chain:
  description: The certificates that the server presented, its own first.
  type: list
  elements: dict
  returned: always
  contains:
    sha256:
      description: SHA-256 of the certificate, 64 lowercase hexadecimal digits.
      type: str
    subject:
      description: Subject, as RFC 4514 writes it.
      type: str
    issuer:
      description: Issuer, as RFC 4514 writes it.
      type: str
    not_before:
      description: Start of its validity, in UTC.
      type: str
    not_after:
      description: End of its validity, in UTC.
      type: str
    dns_names:
      description: DNS names that it is issued for.
      type: list
      elements: str
    ip_addresses:
      description: IP addresses that it is issued for.
      type: list
      elements: str
    is_ca:
      description: Whether it is an authority's.
      type: bool
    self_signed:
      description: Whether subject and issuer are the same.
      type: bool
    key:
      description: Kind and size of its key.
      type: str
      sample: RSA 2048
    signature_algorithm:
      description: Algorithm of its signature.
      type: str
    serial:
      description: Serial number.
      type: str
    common_name:
      description: Common name of the subject, or what comes nearest in it.
      type: str
    error:
      description: Why the certificate cannot be read. Then there is nothing else but its SHA-256.
      type: str
chain_complete:
  description: Whether RV(chain) is all that the server presented. V(none) without TLS.
  type: bool
  returned: always
jvm:
  description: What the product's JVM makes of the certificate, V(none) without TLS.
  type: dict
  returned: always
  contains:
    trusted:
      description: Whether it is trusted, V(none) where that cannot be known without the JVM.
      type: bool
    reason:
      description: Why.
      type: str
    truststore:
      description: The file that the JVM reads.
      type: str
    truststore_how:
      description: Why it is that file.
      type: str
    method:
      description: Whose word it is, V(jvm), or V(openssl) as that of another library.
      type: str
    method_reason:
      description: Why it is OpenSSL's, or which Java was asked.
      type: str
      sample: Java 17.0.13 in /opt/java
    java:
      description: What the JVM said of its own connection, V(none) where it was not asked.
      type: dict
      contains:
        version:
          description: Version of Java.
          type: str
        stage:
          description: How far it got, V(context) (it cannot set up TLS at all), V(handshake) or V(done).
          type: str
        address:
          description: IP address that it connected to, the first in its own order.
          type: str
        protocol:
          description: Protocol version, empty where the handshake failed.
          type: str
        cipher:
          description: Cipher suite, in Java's name.
          type: str
        chain:
          description: SHA-256 of the certificates that it was shown, the server's own first.
          type: list
          elements: str
        exception:
          description: Its exceptions, each with its cause after an arrow. Empty without one.
          type: str
    identity:
      description: Whether the certificate is issued for O(host).
      type: dict
      contains:
        matches:
          description: Whether it is, V(none) if that is not known.
          type: bool
        javamail:
          description: What JavaMail and Jakarta Mail make of it by default, always V(not checked).
          type: str
        angus:
          description: What Angus Mail 1.1 and later makes of it, V(accepted), V(refused) or V(unknown).
          type: str
modes:
  description: What Bitbucket would do with this server in each security mode.
  type: dict
  returned: always
  contains:
    plain: &mode
      description: In this mode.
      type: dict
      contains:
        would:
          description:
            - What Bitbucket would do, V(deliver), V(deliver_plaintext), V(deliver_unauthenticated) or V(refuse).
            - V(unknown) where that was not found out.
          type: str
        code:
          description: The same more exactly, one of the codes of RV(outcome).
          type: str
        reason:
          description: Why, in plain words.
          type: str
        log:
          description: The text that would stand in Bitbucket's log, empty where there is none or it is not known.
          type: str
        tried:
          description: Whether there was a conversation in this mode, as against following from another one.
          type: bool
        password_tried:
          description: Whether the password was sent in that conversation.
          type: bool
    starttls_optional: *mode
    starttls_required: *mode
    smtps: *mode
deferrals:
  description: The server's answers to the tries before the last one, see O(greylist_wait).
  type: list
  elements: str
  returned: always
steps:
  description: The parts of the conversation in their order, each with RV(steps[].ok) and RV(steps[].seconds).
  type: list
  elements: dict
  returned: always
  contains:
    step:
      description: Name of the part.
      type: str
    ok:
      description: Whether it went well.
      type: bool
    seconds:
      description: How long it took.
      type: float
    code:
      description: The outcome, where the conversation ended here.
      type: str
transcript:
  description: The conversation, with everything between AUTH and its answer left out.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._host import finish
from ansible_collections.stashops.mail.plugins.module_utils._smtp.argument_specs import PROBE, PROBE_RULES
from ansible_collections.stashops.mail.plugins.module_utils._smtp.probe import run


def main() -> None:
    """Entry point."""
    finish(AnsibleModule(PROBE, supports_check_mode=True, **PROBE_RULES), run)


if __name__ == "__main__":
    main()
