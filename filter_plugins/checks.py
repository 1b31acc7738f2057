# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules have answered to the questions of a check, as one verdict for each question."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._check_delivery import check_delivery, check_message
from ansible_collections.stashops.mail.plugins.plugin_utils._check_jvm import check_jvm, check_truststore
from ansible_collections.stashops.mail.plugins.plugin_utils._check_product import (
    check_host,
    check_settings,
    with_properties,
)
from ansible_collections.stashops.mail.plugins.plugin_utils._check_result import QUESTIONS, Check, Result, skipped
from ansible_collections.stashops.mail.plugins.plugin_utils._text import without

DOCUMENTATION = r"""
name: checks
short_description: Verdicts of a check, from what the modules answered
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the registered results of the role's entry point C(check), and says of each question whether all is well.
  - A question that was not asked, or not answered, has a verdict too.
options:
  _input:
    description:
      - Registered results by question, C(reachable) (M(stashops.mail.stash_mail_info)), C(settings), C(truststore),
        C(jvm), C(delivery), C(message), C(properties), which goes into the verdict on the settings, and C(trial), the
        delivery with the truststore as it is wanted.
    type: dict
    required: true
  wanted:
    description:
      - What the variables say, with the keys V(state), V(truststore) (whether one is wanted), V(truststore_path),
        V(security), V(auth_type), V(update_password), V(writer) (the node that writes the settings), V(is_writer),
        V(account) (whether one is given), V(message) (whether one is wanted) and V(recipient).
    type: dict
    required: true
  secrets:
    description: Texts that may stand nowhere in the verdicts. They hold none, this is a second lock.
    type: list
    elements: str
    required: true
  certificates:
    description: What the filter P(stashops.mail.check_certificates#filter) returned.
    type: list
    elements: dict
    required: true
seealso:
  - plugin: stashops.mail.check_certificates
    plugin_type: filter
"""

EXAMPLES = r"""
checks: "{{ results | stashops.mail.checks(wanted, certificates, secrets) }}"
"""

RETURN = r"""
_value:
  description:
    - The verdicts, in the order C(reachable), C(settings), C(truststore), C(jvm), C(delivery), C(message).
    - Each has C(check), C(status) (V(ok), V(warning), V(failed) or V(skipped)), C(summary), C(reason), C(remedy) and
      C(details).
  type: list
  elements: dict
"""


def checks(
    results: t.Mapping[str, Result], wanted: Result, certificates: t.Sequence[Result], secrets: t.Sequence[str]
) -> list[Check]:
    """The verdicts on ``results``, in the order of the questions."""
    return [without(secrets, found) for found in _all(results, wanted, certificates)]


def _all(results: t.Mapping[str, Result], wanted: Result, certificates: t.Sequence[Result]) -> list[Check]:
    host = check_host(results.get("reachable") or {})
    if host["details"].get("unreachable"):
        gone = "The host could not be reached."
        return [host, *(skipped(name, "Not asked.", gone) for name in QUESTIONS[1:])]
    settings = check_settings(results.get("settings") or {}, wanted)
    settings = with_properties(settings, results.get("properties") or {})
    delivery = check_delivery(results, wanted, certificates, settings)
    return [
        host,
        settings,
        check_truststore(results.get("truststore") or {}, wanted, certificates),
        check_jvm(results.get("jvm") or {}, wanted, is_up=settings["details"].get("answered", False)),
        delivery,
        check_message(results.get("message") or {}, wanted, delivery),
    ]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"checks": checks}
