#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a node of Stash or Bitbucket whether it runs, or wait until it does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_status
version_added: 1.0.0
short_description: Ask a node of Stash or Bitbucket whether it runs, or wait until it does
description:
  - Asks C(/status) of Stash, Bitbucket Server or Bitbucket Data Center. No account is needed for that.
  - Fails if the node does not say C(RUNNING).
  - O(timeout) is one deadline over everything, so that no server can keep the module longer, however slowly it answers.
author:
  - The stash_mail developers (@stashops)
extends_documentation_fragment:
  - stashops.mail.attributes
  - stashops.mail.attributes.asks_only
  - stashops.mail.attributes.actiongroup
  - stashops.mail.bitbucket.https
options:
  url:
    description:
      - Base URL of the node with its context path, such as V(http://localhost:7990/bitbucket).
      - In a cluster give the node's own address, not the load balancer's.
    type: str
    required: true
  timeout:
    description:
      - Seconds in all, for the waiting too.
      - Where the module waits, one try takes 10 of them at most, and there are 2 between two tries.
    type: float
    default: 30
  wait:
    description:
      - Whether to ask again until the node runs, as after a restart.
      - If V(false), it is asked once.
    type: bool
    default: true
seealso:
  - module: stashops.mail.stash_mail_info
"""

EXAMPLES = r"""
- name: Wait until the node is up again
  stashops.mail.stash_mail_status:
    url: http://localhost:7990
    timeout: 300

- name: See whether the node serves now
  stashops.mail.stash_mail_status:
    url: https://bitbucket-1.example.com
    wait: false
    timeout: 5
  register: node
  failed_when: node.state not in ['RUNNING', 'MAINTENANCE']
"""

RETURN = r"""
url:
  description: What was asked.
  type: str
  returned: always, but for wrong options
  sample: http://localhost:7990/status
state:
  description: What the node said last, such as C(RUNNING) or C(STARTING). Empty where it said nothing of the kind.
  type: str
  returned: always, but for wrong options
  sample: RUNNING
status:
  description: The HTTP status that came with it, V(none) where there was no response.
  type: int
  returned: always, but for wrong options
  sample: 200
seconds:
  description: How long it took.
  type: float
  returned: always, but for wrong options
  sample: 14.2
tries:
  description: How often the node was asked.
  type: int
  returned: always, but for wrong options
  sample: 7
code:
  description: Always V(not_running).
  type: str
  returned: if the node does not run
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.argument_specs import STATUS
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.status import run
from ansible_collections.stashops.mail.plugins.module_utils._host import finish


def main() -> None:
    """Entry point."""
    finish(AnsibleModule(STATUS, supports_check_mode=True), run)


if __name__ == "__main__":
    main()
