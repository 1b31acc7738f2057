#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what a site's Helm run takes for Bitbucket's JVM to trust a truststore."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_kubernetes
short_description: Point the JVM of Bitbucket in Kubernetes at a truststore
version_added: 1.0.0
author:
  - The stash_mail developers (@stashops)
description:
  - For a product that runs by the vendor's Helm chart. Writes two files, the manifest of a Secret that holds the
    truststore, and values for the chart that mount it and give its path to the JVM (C(bitbucket.additionalJvmArgs)).
  - Runs where Helm runs, mostly the controller. Nothing in the cluster is changed.
  - Helm takes a list from the last file that has it, so the site's own arguments, mounts and volumes are repeated in
    the values. Give that file to Helm as the last one.
  - Among the arguments is the truststore's SHA-256, so that the chart rolls the pods when it has changed.
extends_documentation_fragment:
  - stashops.mail.attributes
  - stashops.mail.attributes.files
  - stashops.mail.attributes.actiongroup
  - stashops.mail.behind
requirements:
  - PyYAML for the Python that Ansible uses there
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the JVM's arguments with secrets masked, and a digest of the truststore.
  idempotent:
    support: full
  safe_file_operations:
    support: full
options:
  truststore:
    description:
      - Path of the truststore, as M(stashops.mail.stash_mail_truststore) writes it.
      - Required for O(state=present).
    type: path
  manifest:
    description: File to write the Secret to.
    type: path
    required: true
  values:
    description: File to write the values to.
    type: path
    required: true
  values_files:
    description:
      - The site's own files of values for the chart, in the order in which Helm gets them. O(values) among them is left
        out.
      - Required for O(state=present), as an empty list where there are none - of a list, Helm takes what its last file
        says, so the site's are repeated.
      - Where they set C(bitbucket.additionalCertificates), the chart gives the JVM another truststore after the managed
        one, which wins. That ends the task.
    type: list
    elements: path
  name:
    description: Name of the Secret, and of the volume.
    type: str
    default: stash-mail-truststore
  namespace:
    description: Namespace of the Secret. Empty for the one that it is applied to.
    type: str
    default: ""
  mount_path:
    description: Folder in the container that the truststore is mounted in, as C(cacerts).
    type: str
    default: /var/stash_mail
  applied:
    description:
      - Whether a Secret that changes is taken for applied. With V(false) its manifest says that it is not, and the next
        call changes it again.
      - So V(false) before it is applied, and V(true) when it is, leave to the next run what one that died has not done.
    type: bool
    default: true
  state:
    description:
      - V(present) writes the files.
      - V(absent) removes them, and leaves files of others.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: stashops.mail.stash_mail_truststore
  - module: stashops.mail.stash_mail_jvm
"""

EXAMPLES = r"""
- name: Write what Helm takes
  stashops.mail.stash_mail_kubernetes:
    truststore: files/cacerts
    manifest: files/secret.yaml
    values: files/values-mail.yaml
    values_files: [files/values.yaml]
    namespace: bitbucket

- name: Apply the Secret
  kubernetes.core.k8s:
    src: files/secret.yaml
    namespace: bitbucket

- name: Have Helm roll the pods where anything has changed
  kubernetes.core.helm:
    name: bitbucket
    namespace: bitbucket
    chart_ref: atlassian-data-center/bitbucket
    values_files: [files/values.yaml, files/values-mail.yaml]
"""

RETURN = r"""
path:
  description: The file of values.
  type: str
  returned: success
manifest:
  description: The file with the Secret.
  type: str
  returned: success
method:
  description: Always C(helm).
  type: str
  returned: success
method_reason:
  description: Why.
  type: str
  returned: success
arguments:
  description: All C(bitbucket.additionalJvmArgs) that the values give. Passwords are masked.
  type: list
  elements: str
  returned: success
restart_needed:
  description:
    - Whether the pods have to be rolled for the wanted truststore to be in force.
    - Without O(behind) no process can be seen, and this is whether anything changed.
  type: bool
  returned: success
foreign_truststore:
  description: A truststore that the site's values or the running process name, V(none) if there is none.
  type: str
  returned: success
process:
  description: The running product, as M(stashops.mail.stash_mail_info) returns it. V(none) if it cannot be seen.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._host import finish
from ansible_collections.stashops.mail.plugins.module_utils._product.argument_specs import KUBERNETES, KUBERNETES_RULES
from ansible_collections.stashops.mail.plugins.module_utils._product.kubernetes import run


def main() -> None:
    """Entry point."""
    finish(AnsibleModule(KUBERNETES, supports_check_mode=True, **KUBERNETES_RULES), run)


if __name__ == "__main__":
    main()
