# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that talk to a mail server as Bitbucket does."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of ``_connection_options.ARGUMENTS``."""

    DOCUMENTATION = r"""
options:
  host:
    description: Host name or IP address of the mail server. As JavaMail does, only its first address is tried.
    type: str
    required: true
  port:
    description: TCP port of the mail server.
    type: int
    default: 25
  security:
    description:
      - How the connection is encrypted, in the words of Bitbucket's mail form.
      - With V(plain) nothing is encrypted, the password neither.
      - With V(starttls_optional) STARTTLS is used where the server offers it.
      - With V(starttls_required) nothing is sent without STARTTLS.
      - With V(smtps) TLS is spoken from the first byte.
    type: str
    choices: [plain, starttls_optional, starttls_required, smtps]
    default: starttls_required
  username:
    description: User name, left out for anonymous mail.
    type: str
  password:
    description:
      - Password of O(username).
      - It is sent only if Bitbucket would send it, once, after the JVM's verdict on the server.
      - It is never sent unencrypted unless O(security=plain).
      - It is text or a whole number. A list and the like are refused.
    type: raw
  truststore:
    description:
      - Path of the truststore that the product's JVM is started with, as C(-Djavax.net.ssl.trustStore) names it.
      - If it is left out, or the file is missing, the JVM's own bundle counts, as it does for the JVM.
    type: path
  truststore_password:
    description: The C(-Djavax.net.ssl.trustStorePassword) of that JVM, left out where it has none.
    type: str
  java_home:
    description:
      - The home of the product's Java. It is the one that is asked for its verdict, and whose own bundle counts where
        there is no other truststore.
      - Left out, it is the C(java) on the E(PATH).
    type: path
  behind:
    description:
      - A command that runs what comes after it where the product runs, as that product's account. It has to hand on its
        standard input, and there has to be a shell.
      - C(podman exec -i --user bitbucket NAME), or C(kubectl exec -i POD -c bitbucket --), for one.
      - The product's Java is asked by it, and O(truststore) and O(java_home) are paths there.
      - Empty where the product runs on this host, outside of any container.
    type: list
    elements: str
    default: []
  account:
    description:
      - The account that the product runs as.
      - It runs a Java that several accounts can change, which is never run as root.
    type: str
  extra_anchors:
    description:
      - Certificates in PEM that count as trusted, too, as if they were in the truststore already.
      - So that a run in check mode can judge a truststore that is not written yet.
    type: list
    elements: str
    default: []
  check_identity:
    description:
      - Whether the product's mail library compares the server's name with the certificate.
      - Angus Mail 1.1 and later does, JavaMail and Jakarta Mail before do not. The module
        M(stashops.mail.stash_mail_info) returns which one a product bundles.
      - If V(false), another name in the certificate is a warning only.
    type: bool
    default: true
  deadline:
    description: Seconds for all of the module's work on the network together.
    type: float
    default: 30
  greylist_wait:
    description:
      - Seconds in which to try again where the server refuses the sender or all recipients for now (4xx), as
        greylisting does with those it does not know. Many servers want to be tried again after five minutes.
      - Each try is a conversation of its own with the whole O(deadline), the pauses between grow from 5 to 60 seconds.
      - Nothing else is tried again, and nothing once the message was handed over.
      - If the server takes it in the end, a warning says so, since JavaMail does not try again.
    type: float
    default: 0
"""
