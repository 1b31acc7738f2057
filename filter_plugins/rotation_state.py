# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a rotation of the mail credentials stands, and how it has ended.

``rotation_answers`` and ``rotation_end`` are documented in the YAML files of their names.
"""

from __future__ import annotations

import typing as t

DOCUMENTATION = r"""
name: rotation_state
short_description: Where a rotation of the mail credentials stands, by what the mail servers answered
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the answers to all nodes. The credentials of one node are those of all, so that the worst answer counts.
options:
  _input:
    description:
      - For each node its answers by name, V(old), V(new) and V(back) (the old ones, after the mail server has switched
        back), as the filter P(stashops.mail.rotation_answers#filter) has them. One that is missing is no answer.
    type: list
    elements: dict
    required: true
  is_same:
    description: Whether the inventory has the new credentials already, so that there are no others.
    type: bool
    required: true
  switches:
    description: Whether there are tasks that have the mail server take the new ones.
    type: bool
    required: true
"""

EXAMPLES = r"""
state: "{{ answers_of_all_nodes | stashops.mail.rotation_state(false, true) }}"
"""

RETURN = r"""
_value:
  description:
    - C(takes_old) and C(takes_new), whether every node's mail server takes the old and the new ones.
    - C(awaits_switch), whether the new ones are refused as by a mail server that has yet to switch, and will be made
      to.
    - C(can_go_back), whether there are old ones that are taken.
    - C(refuses_old_now), whether a node's mail server refuses the old ones after it was to switch back.
    - C(old_refusals) and C(new_refusals), what was said to the nodes that they were not taken from.
    - C(is_same), as given.
  type: dict
"""

Answer = t.Mapping[str, t.Any]
State = dict[str, t.Any]

_NOTHING: Answer = {"accepted": False, "outcome": "unknown", "msg": "A host has given no answer."}
# What a mail server says that has not switched yet, and nothing that it would say in any case.
_REFUSALS = ("auth_failed", "sender_refused", "recipient_refused")
_TAKEN_WITHOUT_ACCOUNT = ("deliver", "deliver_plaintext")


def rotation_state(nodes: t.Sequence[t.Mapping[str, Answer]], is_same: bool, switches: bool) -> State:
    """Return where the rotation stands by the answers to all ``nodes``."""
    old, new, back = ([answers.get(name) or _NOTHING for answers in nodes] for name in ("old", "new", "back"))
    takes_old = not _refused(old)
    return {
        "takes_old": takes_old,
        "takes_new": not _refused(new),
        "awaits_switch": switches and all(answer["outcome"] in _REFUSALS for answer in _refused(new)),
        "can_go_back": takes_old and not is_same,
        "refuses_old_now": any(answer["outcome"] in _REFUSALS for answer in back),
        "old_refusals": [str(answer["msg"]) for answer in _refused(old)],
        "new_refusals": [str(answer["msg"]) for answer in _refused(new)],
        "is_same": is_same,
    }


def rotation_answers(
    plan: t.Mapping[str, t.Any], logins: t.Sequence[t.Mapping[str, str]], host: str
) -> dict[str, dict[str, t.Any]]:
    """Return what the mail server answered to ``host`` about each of ``logins``, by their names."""
    answers = plan.get("logins") or {}
    return {login["name"]: _answer(plan, answers.get(login["name"]), login, host) for login in logins}


def rotation_end(state: State, node: t.Mapping[str, t.Any]) -> str:
    """Return in which state a rotation that has failed leaves ``node``, as sentences."""
    if not node["attempted"]:
        return _untouched(state, node)
    if not state["can_go_back"]:
        refused = "the mail server refused the old ones from the start"
        why = "the run was given no others" if state["is_same"] else refused
        return f"Bitbucket holds the new credentials, and there is nothing to go back to: {why}."
    if state["refuses_old_now"]:
        return "Bitbucket holds the new credentials still, since the mail server no longer takes the old ones."
    if node["unwritten"]:
        return f"the old credentials could not be written back. {node['unwritten']}"
    if node["unverified"]:
        return f"the old credentials are written back, and could not be verified. {node['unverified']}"
    return "the old credentials are written back, and a message was sent with them."


def _untouched(state: State, node: t.Mapping[str, t.Any]) -> str:
    holds = "the new" if node["in_place"] else "the old"
    said = f"nothing was written, Bitbucket holds {holds} credentials as before."
    if node["in_place"] or state["is_same"]:
        return said
    back = node["back"] or _NOTHING
    if back["accepted"]:
        return f"{said} The mail server takes them."
    return f"{said} The mail server does not take them now, and what Bitbucket sends is lost: {back['msg']}"


def _refused(answers: t.Iterable[Answer]) -> list[Answer]:
    return [answer for answer in answers if not answer["accepted"]]


def _answer(
    plan: t.Mapping[str, t.Any], answer: Answer | None, login: t.Mapping[str, str], host: str
) -> dict[str, t.Any]:
    if answer is None:
        outcome = "unreachable" if plan.get("unreachable") else plan.get("code") or "failed"
        said = (plan.get("probe") or {}).get("msg") or plan.get("msg") or "The mail server could not be asked."
        return {"host": host, "accepted": False, "outcome": outcome, "msg": f"{host}: {said}"}
    # Without an account there is nothing to log in with.
    accepted = answer["accepted"] or (not login["username"] and answer["outcome"] in _TAKEN_WITHOUT_ACCOUNT)
    said = f"{host}: {answer.get('msg') or ''}".rstrip()
    return {"host": host, "accepted": accepted, "outcome": answer["outcome"], "msg": said}


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {
            "rotation_state": rotation_state,
            "rotation_answers": rotation_answers,
            "rotation_end": rotation_end,
        }
