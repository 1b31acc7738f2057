# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that says how to reach a product in a container."""

from __future__ import annotations


class ModuleDocFragment:
    """What Ansible loads."""

    DOCUMENTATION = r"""
options:
  behind:
    description:
      - A command that runs what comes after it where the product runs, as that product's account. It has to hand on its
        standard input, and there has to be a shell.
      - C(podman exec -i --user bitbucket NAME), or C(kubectl exec -i POD -c bitbucket --), for one.
      - Empty where the product runs on this host, outside of any container.
    type: list
    elements: str
    default: []
"""
