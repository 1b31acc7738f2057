# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of the role's phases, as its callers get them."""

from __future__ import annotations

import typing as t

DOCUMENTATION = r"""
name: phase_results
short_description: Results of the phases of the role stash_mail, without what is of use to Ansible only
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes what is known of each phase, and drops what did not run and what every task returns.
options:
  _input:
    description:
      - By phase a list of results, what the phase did before what its plan said. The first that is a result counts.
    type: dict
    required: true
"""

EXAMPLES = r"""
results: "{{ {'jvm': [registered | default({}), plan.jvm]} | stashops.mail.phase_results }}"
"""

RETURN = r"""
_value:
  description: The modules' own return values by phase.
  type: dict
"""

# A message proves what was done, and is no change.
_PROOFS = ("verify", "notification")
_OF_ANSIBLE = ("failed", "invocation", "diff", "warnings", "deprecations", "exception", "ansible_facts")


def phase_results(phases: t.Mapping[str, t.Sequence[t.Mapping[str, t.Any]]]) -> dict[str, t.Any]:
    """Return the modules' own values of the phases that have a result."""
    found = {
        name: next((one for one in results if one and not one.get("skipped")), {}) for name, results in phases.items()
    }
    results = {
        name: {key: value for key, value in result.items() if key not in _OF_ANSIBLE and not key.startswith("_")}
        for name, result in found.items()
        if result
    }
    return {name: {**result, "changed": False} if name in _PROOFS else result for name, result in results.items()}


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"phase_results": phase_results}
