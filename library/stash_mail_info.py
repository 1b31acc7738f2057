#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find a Stash or Bitbucket installation, its Java and its running process."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_info
short_description: Find a Stash or Bitbucket installation, its Java and its running process
version_added: 1.0.0
author:
  - The stash_mail developers (@stashops)
description:
  - Reads from the start scripts, the systemd unit and C(/proc) where the product is installed, which version it is,
    which Java it runs on, and with which TLS arguments it runs now.
  - Nothing is started and nothing is changed. What is not found is returned as V(none), so that a machine without the
    product is no error.
extends_documentation_fragment:
  - stashops.mail.attributes
  - stashops.mail.attributes.asks_only
  - stashops.mail.attributes.actiongroup
  - stashops.mail.product
  - stashops.mail.behind
options:
  install_dir:
    description:
      - The installation's folder, such as C(/opt/atlassian/bitbucket/9.4.2).
      - Left out, it is the one that the service starts, that runs, or the newest below C(/opt/atlassian).
    type: path
  home:
    description:
      - The product's home folder.
      - Left out, it is what the running process, the unit or the start scripts say.
    type: path
  java_home:
    description:
      - The folder of the Java that the product runs on.
      - Left out, it is looked for in this order - E(JRE_HOME), then E(JAVA_HOME), in the start scripts and in the
        unit's environment, the C(jre) folder of the installation, the running process, the C(java) on the E(PATH).
    type: path
  elsewhere:
    description:
      - Whether the product runs where nothing leads to from this host, such as in a pod without O(behind). Nothing is
        looked for then, so that a product of this host is not taken for it.
    type: bool
    default: false
seealso:
  - module: stashops.mail.stash_mail_jvm
  - module: stashops.mail.stash_mail_truststore
"""

EXAMPLES = r"""
- name: Find Bitbucket
  stashops.mail.stash_mail_info:
  register: bitbucket

- name: Show which certificates its JVM trusts, and who said so
  ansible.builtin.debug:
    msg: "{{ bitbucket.java.cacerts }} (Java found by: {{ bitbucket.java.source }})"
  when: bitbucket.java is not none
"""

RETURN = r"""
install_dir:
  description: The installation's folder.
  type: str
  returned: success
  sample: /opt/atlassian/bitbucket/9.4.2
product:
  description: V(stash) or V(bitbucket).
  type: str
  returned: success
version:
  description: The product's version, from its web application's build record or the name of its folder.
  type: str
  returned: success
  sample: 9.4.2
layout:
  description:
    - Which script sets the JVM's arguments.
    - V(start_webapp) is C(bin/_start-webapp.sh), for Bitbucket 5 and later.
    - V(setenv) is C(bin/setenv.sh), for Stash and Bitbucket 4.
  type: str
  returned: success
home:
  description: The product's home folder.
  type: str
  returned: success
user:
  description: The account that the product runs under.
  type: str
  returned: success
current_user:
  description: The account that this module ran under.
  type: str
  returned: success
scripts:
  description: The product's own start and stop scripts.
  type: dict
  returned: success
  contains:
    start:
      description: Path of the start script.
      type: str
    stop:
      description: Path of the stop script.
      type: str
    refused:
      description: Why root must not run them, empty where nothing is against it.
      type: str
java:
  description: The Java that the product runs on, V(none) if none was found.
  type: dict
  returned: success
  contains:
    home:
      description: Its folder.
      type: str
    source:
      description: Where that was found.
      type: str
      sample: JRE_HOME in /opt/atlassian/bitbucket/9.4.2/bin/set-jre-home.sh
    version:
      description: Its version.
      type: str
    cacerts:
      description: The bundle that it trusts by default.
      type: str
service:
  description: The service that runs the product.
  type: dict
  returned: success
  contains:
    name:
      description:
        - Name of the service, the one that was found where O(service) is the default and not here.
        - Of a program that is in a group of supervisord, what C(supervisorctl) calls it, C(GROUP:NAME).
      type: str
    exists:
      description: Whether it has a unit or an init script, or is a program of supervisord.
      type: bool
    manager:
      description: What runs it on this machine now, V(systemd), V(sysv), V(supervisord) or V(none).
      type: str
process:
  description: The running product, V(none) if it does not run or may not be seen.
  type: dict
  returned: success
  contains:
    pid:
      description: Its process id.
      type: int
    user:
      description: Its account.
      type: str
    started:
      description: When it started, in UTC.
      type: str
      sample: "2030-01-31T09:30:00Z"
    arguments:
      description:
        - Those of its arguments in force that bear on TLS and names, such as C(-Djavax.net.ssl.*) and C(-Djdk.tls.*),
          in the order in which they count.
        - They come from its command line and, as the JVM reads them, from E(JAVA_TOOL_OPTIONS), E(JDK_JAVA_OPTIONS) and
          E(_JAVA_OPTIONS) of its environment.
        - Secrets are masked.
      type: list
      elements: str
    truststore:
      description: Path of the truststore in force, V(none) where the JVM uses its own bundle.
      type: str
      sample: /etc/stash_mail/cacerts
    truststore_source:
      description: What gave that path, its command line or a variable of its environment.
      type: str
      sample: its command line
javamail:
  description: The mail library in the product's web application, V(none) if not found.
  type: dict
  returned: success
  contains:
    jar:
      description: Path of the library.
      type: str
    version:
      description: Its version.
      type: str
    checks_identity:
      description:
        - Whether it compares the mail server's name with the certificate by default, as Angus Mail 1.1 and later do.
      type: bool
check_mode:
  description: Whether the task ran in check mode, by C(--check) or by the keyword C(check_mode).
  type: bool
  returned: success
cryptography:
  description: Version of the Python library C(cryptography) on the target, V(none) if it is missing.
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._host import finish
from ansible_collections.stashops.mail.plugins.module_utils._product.argument_specs import INFO
from ansible_collections.stashops.mail.plugins.module_utils._product.information import run


def main() -> None:
    """Entry point."""
    finish(AnsibleModule(INFO, supports_check_mode=True), run)


if __name__ == "__main__":
    main()
