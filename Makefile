# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make demo   the whole path on loopback: no root, no containers
# make test   everything: lint, types, unit, integration, sanity, Molecule

SHELL := /bin/bash
# The tools of the environment come first, for ansible-lint and Molecule look for ansible on the PATH.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

PYTHON_FOLDERS := library filter_plugins plugins/module_utils plugins/doc_fragments scripts demo molecule tests
PYTEST := python -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo test env system-packages lint types unit integration sanity molecule collection requirements clean

help: ## show these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: ## run the whole path on loopback and show the delivered message
	@scripts/env run
	@python -m demo

test: system-packages env lint types ## run everything
	$(PYTEST) tests

env: ## make .venv ready for the tests
	@scripts/env test

system-packages: ## install what the tests need of the system
	@scripts/system-packages

lint: env ## ruff, yamllint, ansible-lint (production profile), shellcheck
	ruff check .
	ruff format --check .
	yamllint --strict .
	ansible-lint --offline --strict
	shellcheck $$(scripts/shell-files)

types: env ## mypy, strict
	mypy $(PYTHON_FOLDERS)

unit: env ## unit and property tests
	$(PYTEST) tests/unit

integration: system-packages env ## modules and role against real parts on loopback
	$(PYTEST) tests/integration

sanity: env ## ansible-test sanity, build and documentation of the collection
	$(PYTEST) tests/sanity

molecule: system-packages env ## the Molecule scenarios in containers
	$(PYTEST) tests/molecule

collection: env ## build the installable collection into .cache/dist
	@mkdir -p .cache/dist
	ansible-galaxy collection build --force --output-path .cache/dist "$$(python scripts/stage.py .cache/dist)"

requirements: ## pin requirements/*.txt anew from requirements/*.in (needs uv)
	uv pip compile --universal --python-version 3.11 --fork-strategy requires-python --generate-hashes \
	  --no-header --quiet requirements/test.in --output-file requirements/test.txt
	uv pip compile --universal --python-version 3.11 --fork-strategy requires-python --generate-hashes \
	  --no-header --quiet requirements/run.in --constraints requirements/test.txt --output-file requirements/run.txt

clean: ## remove what the runs left, the environment included
	rm -rf .venv .cache .ansible
