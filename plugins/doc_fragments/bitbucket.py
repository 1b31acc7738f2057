# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that call Bitbucket's REST API."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of ``_bitbucket.options``; those of HTTPS serve without an account too.

    A module says for itself which permission O(url_username) needs, and what O(timeout) bounds.
    """

    DOCUMENTATION = r"""
options:
  url:
    description:
      - Base URL of Bitbucket with its context path, such as V(https://bitbucket.example.com) or
        V(http://localhost:7990/bitbucket).
      - Over plain HTTP every password that is sent can be read on the way. Use it for the local host only.
    type: str
    required: true
  url_password:
    description:
      - Password of O(url_username).
      - It is text or a whole number. A list and the like are refused.
    type: raw
  url_token:
    description:
      - An OAuth 2.0 access token with the scope for system administration, in place of O(url_username) and
        O(url_password). It is sent as a Bearer token.
      - HTTP access tokens do not serve, since they cannot hold administrative permissions.
    type: raw
"""

    HTTPS = r"""
options:
  validate_certs:
    description:
      - Whether the certificate of an HTTPS O(url) is verified. Where it is not, whoever answers gets every password
        that is sent.
    type: bool
    default: true
  ca_path:
    description:
      - PEM file on the host where the module runs, with the CA certificates, or the self-signed certificate, to
        verify O(url) with.
      - It takes the place of the CAs that the host knows.
    type: path
  use_proxy:
    description:
      - Whether the proxies in the environment variables E(http_proxy), E(https_proxy) and E(no_proxy) are used.
      - Unlike in C(ansible.builtin.uri) this is off, since Bitbucket is usually reached on the local host or in the
        local network.
    type: bool
    default: false
"""
