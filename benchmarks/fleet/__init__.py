# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run costs on many hosts: the provisioning playbook beside the same job done by community modules."""
