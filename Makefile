# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make demo   the whole path on loopback: no root, no containers
# make test   everything: lint, types, unit, integration, sanity, Molecule

SHELL := /bin/bash
# The tools of the environment come first, for ansible-lint and Molecule look for ansible on the PATH.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
# Ansible does not start in another encoding, whatever the account's language is.
export LC_ALL := C.UTF-8

PYTHON_FOLDERS := library filter_plugins plugins/module_utils plugins/plugin_utils plugins/doc_fragments scripts demo benchmarks molecule tests
PYTEST := python -m pytest
# One more than there are cores, since some of the time is waiting for servers, JVMs and containers. With another one it takes longer:
# what waits longer looks for it more often. tests/conftest.py says which tests stay together and which come first.
PARALLEL := --numprocesses 3 --no-loadscope-reorder

# Where scripts/stage.py lays the collection out for the documentation.
STAGED := .cache/docs/ansible_collections/stashops/mail

.DEFAULT_GOAL := help
.PHONY: help demo sandbox test env system-packages lint types unit integration sanity molecule collection release requirements clean \
  execution-environment execution-environment-files test-execution-environment fresh-machine \
  bench-truststore bench-fleet test-matrix importer docs docs-tables agreement java-program fuzz long

help: ## show these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 28

demo: ## run the whole path on loopback and show the delivered message
	@scripts/env run
	@python -m demo

sandbox: ## a Bitbucket stand-in and a mail server to play with, for docs/tutorial.md, until Ctrl-C
	@scripts/env run
	@python -m demo.sandbox

test: system-packages env ## run everything
	@$(MAKE) --no-print-directory --jobs 2 --output-sync lint types
	$(PYTEST) $(PARALLEL) --durations 25 --durations-min 10 tests

env: ## make .venv ready for the tests
	@scripts/env test

system-packages: ## install what the tests need of the system
	@scripts/system-packages

lint: env ## ruff, yamllint, ansible-lint (production profile), shellcheck
	ruff check .
	ruff format --check .
	yamllint --strict .
	ansible-lint --offline --strict
	shellcheck --external-sources $$(scripts/shell-files)

types: env ## mypy, strict
	mypy $(PYTHON_FOLDERS)

unit: env ## unit and property tests
	$(PYTEST) $(PARALLEL) tests/unit

integration: system-packages env ## modules and role against real parts on loopback
	$(PYTEST) $(PARALLEL) tests/integration

sanity: env ## ansible-test sanity, build and documentation of the collection
	$(PYTEST) tests/sanity

molecule: system-packages env ## the Molecule scenarios in containers
	$(PYTEST) $(PARALLEL) tests/lab

collection: ## build the installable collection into .cache/dist (needs ansible-core only)
	@command -v ansible-galaxy >/dev/null || scripts/env run
	@mkdir -p .cache/dist
	ansible-galaxy collection build --force --output-path .cache/dist "$$(python3 scripts/stage.py .cache/dist)"

release: env ## move the fragments into the change log of galaxy.yml's version, and build it (docs/releasing.md)
	antsibull-changelog lint
	antsibull-changelog release --version "$$(sed -n 's/^version: //p' galaxy.yml)"
	@$(MAKE) collection

.cache/docs-tools/bin/sphinx-build: requirements/docs.txt
	python3 -m venv --clear .cache/docs-tools
	.cache/docs-tools/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --requirement $<
	touch $@

docs: export PATH := $(CURDIR)/.cache/docs-tools/bin:$(PATH)
docs: .cache/docs-tools/bin/sphinx-build ## the pages and the reference as HTML, into .cache/docs/html
	rm -rf .cache/docs
	python3 scripts/stage.py .cache/docs
	mkdir $(STAGED)/reference
	ANSIBLE_CONFIG= ANSIBLE_COLLECTIONS_PATH=.cache/docs antsibull-docs collection --use-current --squash-hierarchy --fail-on-error \
	  --dest-dir $(STAGED)/reference stashops.mail
	# In the list at the side, names only.
	sed -E -i 's/^    ([a-z_]+)_(module|filter|role)$$/    \1 \2 <\1_\2>/' $(STAGED)/reference/index.rst
	cp scripts/reference/index.rst $(STAGED)
	sphinx-build --quiet --fail-on-warning --keep-going -c scripts/reference $(STAGED) .cache/docs/html

# What execution-environment.yml copies in.
execution-environment-files: env
	rm -rf .cache/dist/execution-environment
	mkdir -p .cache/dist/execution-environment
	ansible-galaxy collection build --output-path .cache/dist/execution-environment "$$(python3 scripts/stage.py .cache/dist)"
	mv .cache/dist/execution-environment/*.tar.gz .cache/dist/execution-environment/stashops-mail.tar.gz

.cache/builder/bin/ansible-builder: requirements/builder.txt
	python3 -m venv --clear .cache/builder
	.cache/builder/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --requirement $<
	touch $@

execution-environment: execution-environment-files .cache/builder/bin/ansible-builder ## the image for AWX; BUILD_OPTIONS go to ansible-builder
	.cache/builder/bin/ansible-builder build --file execution-environment.yml --context .cache/builder/context $(BUILD_OPTIONS)

test-execution-environment: system-packages env ## build that image on packages, and run the playbooks in it as AWX does
	STASH_MAIL_EXECUTION_ENVIRONMENT=1 $(PYTEST) -s tests/lab/test_execution_environment.py

fresh-machine: system-packages env ## the demo and the beginning of the tests on bare Debian systems; writes the table in docs/testing.md
	STASH_MAIL_FRESH=1 STASH_MAIL_WRITE_DOCS=1 $(PYTEST) tests/fresh

bench-truststore: env ## truststores against keytool, p11-kit and java_cert; writes docs/benchmarks.md (ten minutes)
	PYTHONPATH=collections python -m benchmarks.truststore

bench-fleet: system-packages env ## many hosts against the same job by community modules; writes docs/benchmarks.md (half an hour)
	PYTHONPATH=collections python -m benchmarks.fleet

docs-tables: system-packages env ## write the tables in docs/ that tests compare with what they find
	STASH_MAIL_WRITE_DOCS=1 $(PYTEST) tests/integration/jvm_matrix tests/integration/verdict tests/integration/smtp/test_bad_servers.py \
	  tests/unit/net/test_troubleshooting.py tests/unit/docs/test_variables.py tests/integration/docs/test_log_lines.py \
	  tests/unit/role/test_presets.py tests/unit/product/test_deployments.py tests/integration/product/test_deployments.py
	STASH_MAIL_WRITE_DOCS=1 $(PYTEST) $(PARALLEL) $$(python -m tests.attacks)

agreement: system-packages env ## the verdict against JavaMail on five JVMs, in more than 500 situations; writes its table
	STASH_MAIL_WRITE_DOCS=1 $(PYTEST) tests/integration/verdict

java-program: env ## compile the program that asks a JVM (needs JDK 17)
	python scripts/java_program.py

test-matrix: system-packages env ## provision and check under each ansible-core from 2.16 on; writes the README's table
	STASH_MAIL_MATRIX=1 STASH_MAIL_WRITE_DOCS=1 $(PYTEST) tests/matrix

importer: env ## the collection as Galaxy looks at it when it is uploaded
	STASH_MAIL_IMPORTER=1 $(PYTEST) tests/sanity/test_importer.py

fuzz: env ## a long fuzz run on the truststore readers (STASH_MAIL_FUZZ inputs, another STASH_MAIL_FUZZ_SEED each time)
	STASH_MAIL_FUZZ=$${STASH_MAIL_FUZZ:-500000} STASH_MAIL_FUZZ_SEED=$${STASH_MAIL_FUZZ_SEED:-$$(date +%s)} \
	  $(PYTEST) -s tests/fuzz

long: system-packages env ## the long forms of what is random: kills, chains against JVMs, and the fuzz run
	STASH_MAIL_KILLS=$${STASH_MAIL_KILLS:-2000} STASH_MAIL_RUN_KILLS=$${STASH_MAIL_RUN_KILLS:-67} STASH_MAIL_CASES=$${STASH_MAIL_CASES:-240} \
	  STASH_MAIL_SEED=$${STASH_MAIL_SEED:-$$(date +%s)} $(PYTEST) -s tests/integration/kill tests/integration/verdict
	@$(MAKE) fuzz

requirements: ## pin requirements/*.txt anew from requirements/*.in (needs uv)
	uv pip compile --universal --python-version 3.11 --fork-strategy requires-python --generate-hashes \
	  --no-header --quiet requirements/test.in --output-file requirements/test.txt
	uv pip compile --universal --python-version 3.11 --fork-strategy requires-python --generate-hashes \
	  --no-header --quiet requirements/run.in --constraints requirements/test.txt --output-file requirements/run.txt
	uv pip compile --universal --python-version 3.11 --fork-strategy requires-python --generate-hashes \
	  --no-header --quiet requirements/docs.in --output-file requirements/docs.txt
	for name in builder ee; do \
	  uv pip compile --universal --python-version 3.12 --fork-strategy requires-python --generate-hashes --no-header --quiet \
	    requirements/$$name.in --output-file requirements/$$name.txt || exit; \
	done
	uv pip compile --universal --python-version 3.8 --fork-strategy requires-python --generate-hashes \
	  --no-header --quiet requirements/target.in --output-file requirements/target.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes \
	  --no-header --quiet requirements/importer.in --output-file requirements/importer.txt
	for core in 2.16 2.17 2.18 2.19 2.20 2.21; do \
	  uv pip compile --universal --python-version $$(case $$core in 2.1?) echo 3.11;; *) echo 3.12;; esac) \
	    --generate-hashes --no-header --quiet requirements/core-$$core.in --output-file requirements/core-$$core.txt || exit; \
	done

clean: ## remove what the runs left, the environment included
	rm -rf .venv .cache .ansible
