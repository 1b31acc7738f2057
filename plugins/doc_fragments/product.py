# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which the modules look for the product."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the options that ``_product.information.look`` takes."""

    DOCUMENTATION = r"""
options:
  install_dir:
    description:
      - The installation's folder. Left out, it is found as M(stashops.mail.stash_mail_info) does.
    type: path
  service:
    description:
      - Name of the service that runs the product. Empty if none does.
      - Where the default is not here, C(bitbucket), C(atlassian-bitbucket), C(atlstash) and C(stash) are looked for.
    type: str
    default: atlbitbucket
"""
