# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a run ends before it has changed anything, by the answers to what it has asked."""

from __future__ import annotations

import typing as t
import urllib.parse

from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import NO_CRYPTOGRAPHY
from ansible_collections.stashops.mail.plugins.plugin_utils._fleet import PLAN, HostVars, value_of
from ansible_collections.stashops.mail.plugins.plugin_utils._plan import Answers, crash, is_not_installed

DOCUMENTATION = r"""
name: plan_problems
short_description: Why not to go on after the plan of a node
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes a node's plan, and says what is wrong by its answers, alone and together with those of the other nodes of its
    cluster.
options:
  _input:
    description: What M(stashops.mail.stash_mail_plan) returned, or what is known of a host that could not be asked.
    type: dict
    required: true
  node:
    description:
      - What the node is, with C(name), C(cluster), C(url) (its own), C(nodes) (of the same instance, in this run),
        C(left_out) (of the same instance, not in this run), C(is_partial_allowed), C(writer) and C(installs_packages).
    type: dict
    required: true
  hostvars:
    description: The variables of all hosts, C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
problems: "{{ plan | stashops.mail.plan_problems(node, hostvars) }}"
"""

RETURN = r"""
_value:
  description: A text for each problem, which says what to do.
  type: list
  elements: str
"""

Node = t.Mapping[str, t.Any]
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def plan_problems(answers: Answers, node: Node, hostvars: HostVars) -> list[str]:
    """Return a text for each problem."""
    if is_not_installed(answers):
        return []
    if answers.get("unreachable"):
        return [
            f"{node['name']} cannot be reached: {answers.get('msg') or 'no reason given'}. Nothing has been changed "
            "on it. "
            f"Bring it back and run again, or leave it out by --limit 'all:!{node['name']}'."
        ]
    if "failures" not in answers:
        return [crash(answers) or str(answers.get("msg") or "The host could not be asked.")]
    found = [str(answers[name].get("msg")) for name in answers["failures"] if name != "status"]
    found += [*answers["refusals"], *_no_cryptography(answers, node)]
    # All is as wanted, and yet the message that proves it has failed.
    found += [str(answer["msg"]) for answer in [answers.get("message") or {}] if answer.get("failed")]
    if node["cluster"]:
        found += [*_does_not_serve(answers, node), *_same_url(answers, node, hostvars)]
        found += [*_other_settings(answers, node, hostvars), *_left_out(answers, node)]
    else:
        found += _wrong_url(answers, node)
    return found


def _wrong_url(answers: Answers, node: Node) -> list[str]:
    """The product answers by its other address, and a restart would be waited for by this one."""
    if "status" not in answers["failures"] or "server" in answers["failures"]:
        return []
    return [
        f"stash_mail_bitbucket_node_url is {node['url']}, and {answers['status'].get('msg') or 'it did not answer'} "
        "After a restart the run would wait for that in vain. Nothing has been changed. Correct it, or leave it out "
        "where it is the same as stash_mail_bitbucket_url."
    ]


def _no_cryptography(answers: Answers, node: Node) -> list[str]:
    if answers["product"].get("cryptography") is not None or node["installs_packages"]:
        return []
    said = [(answers.get(name) or {}).get("msg") for name in ("truststore", "probe", "send", "notification")]
    return [NO_CRYPTOGRAPHY] if NO_CRYPTOGRAPHY in said else []


def _does_not_serve(answers: Answers, node: Node) -> list[str]:
    if "status" not in answers["failures"]:
        return []
    status = answers["status"]
    said = f"{status.get('status') or 'nothing'} {status.get('state') or ''}".strip()
    return [
        f"The node does not serve: {node['url']}/status says {said} and not RUNNING. While one node of "
        f"{node['cluster']} is "
        "down, no other one is restarted, and nothing has been changed. Bring it back and run again, or leave it out "
        "by "
        f"--limit 'all:!{node['name']}'."
    ]


def _same_url(answers: Answers, node: Node, hostvars: HostVars) -> list[str]:
    url = (answers.get("status") or {}).get("url")
    if not url or _host(url) in _LOOPBACK:
        return []
    same = [name for name in node["nodes"] if name != node["name"] and _of(name, hostvars, "status").get("url") == url]
    if not same:
        return []
    return [
        f"stash_mail_bitbucket_node_url is {node['url']} for {', '.join(same)} as well, so that after a restart "
        "another node "
        f"would answer for this one. Set it to the node's own address, such as http://{node['name']}:7990."
    ]


def _host(url: str) -> str | None:
    return urllib.parse.urlsplit(url).hostname


def _other_settings(answers: Answers, node: Node, hostvars: HostVars) -> list[str]:
    wanted = _settings(answers.get("server") or {}, "after")
    of_writer = _settings(_of(node["writer"], hostvars, "server"), "after")
    if None in (wanted, of_writer) or wanted == of_writer:
        return []
    return [
        f"The variables of {node['name']} say {wanted} and those of {node['writer']} {of_writer}, but both are nodes "
        "of "
        f"{node['cluster']}, which has one mail server. Set the variables for the whole cluster, in a group of the "
        "inventory."
    ]


def _left_out(answers: Answers, node: Node) -> list[str]:
    """The settings are the nodes' own too that this run does not prepare for them."""
    server = answers.get("server") or {}
    if not node["left_out"] or node["is_partial_allowed"] or "mail_server" not in server:
        return []
    if _shown(_settings(server, "before")) == _shown(_settings(server, "after")):
        return []
    return [
        f"The settings of {node['cluster']} would change for {', '.join(node['left_out'])} too, which this run leaves "
        "out: "
        "what these nodes could not send is lost. Run for all nodes; prepare single ones by --tags "
        "stash_mail_truststore,stash_mail_properties,stash_mail_jvm; or set stash_mail_cluster_partial to true if "
        "they are "
        "down and will be provisioned before they serve again."
    ]


def _settings(server: t.Mapping[str, t.Any], when: str) -> t.Mapping[str, t.Any] | None:
    return (server.get("mail_server") or {}).get(when)


def _shown(settings: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """Less what the product may hide."""
    return {key: value for key, value in (settings or {}).items() if not key.startswith("oauth2_")}


def _of(name: str, hostvars: HostVars, question: str) -> t.Mapping[str, t.Any]:
    return value_of(hostvars[name], PLAN, {}).get(question) or {}


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"plan_problems": plan_problems}
