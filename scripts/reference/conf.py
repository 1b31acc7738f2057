# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How sphinx makes HTML of the laid-out collection: its pages, and the reference that antsibull-docs writes."""

from __future__ import annotations

from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from pygments.lexers.special import TextLexer  # type: ignore[import-untyped]

project = "stashops.mail"
author = "The stash_mail developers"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
include_patterns = ["index.rst", "*.md", "CHANGELOG.rst", "docs/**.md", "roles/*/README.md", "reference/*.rst"]
# It lists variables that plugins read, and none reads any.
exclude_patterns = ["reference/environment_variables.rst"]

html_theme = "sphinx_rtd_theme"
html_title = project
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

# Links to headings, as forges make their anchors.
myst_heading_anchors = 4

ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"
# What antsibull-docs refers to in Ansible's own documentation. Sphinx could look up where each stands, by a network.
ANSIBLE_PAGES = {
    "common_return_values": "reference_appendices/common_return_values.html",
    "ansible_collections.ansible.builtin.file_lookup": "collections/ansible/builtin/file_lookup.html",
}


def link_to_ansible(_app: Any, _env: Any, node: Any, content: nodes.TextElement) -> nodes.reference | None:
    """The link for a reference to a page of Ansible's; any other that leads nowhere is left to be a warning."""
    page = ANSIBLE_PAGES.get(node["reftarget"])
    return nodes.reference("", "", content, refuri=f"{ANSIBLE}/{page}") if page else None


def setup(app: Any) -> None:
    app.connect("missing-reference", link_to_ansible)
    # Pictures in mermaid are shown as their text: what draws them would have to be loaded from elsewhere.
    app.add_lexer("mermaid", TextLexer)
