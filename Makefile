# Every target sets up what it needs. `make` alone lists them.
# By default everything lives in .venv; `make VENV= ...` uses the active environment instead.
VENV ?= .venv
EXTRA ?= dev
ifeq ($(VENV),)
BIN :=
READY := build/.ready
else
BIN := $(VENV)/bin/
READY := $(VENV)/.ready-$(EXTRA)
endif
PYTHON := $(BIN)python
BASE_PYTHON ?= python3

# nbgrader wants its configuration in the server's root. Lab asks the internet for news and updates unless told not to.
LAB_OPTIONS := --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks --LabApp.news_url=None \
  --LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate \
  --LabApp.extension_manager=readonly $(if $(filter 0,$(shell id -u)),--allow-root)

# One process a core; tests that share something expensive stay in one process (tests/conftest.py).
PYTEST := $(PYTHON) -m pytest -n auto

JAVASCRIPT := 'lecture_lib/demos/**/*.js' 'lecture_lib/demos/*.mjs'

.DEFAULT_GOAL := help
.PHONY: help setup course lab demos site pictures bundles test test-all browser check format build bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

setup: $(READY) ## make the environment (done by every other target when needed)

$(READY): pyproject.toml constraints.txt
ifneq ($(VENV),)
	test -x $(PYTHON) || $(BASE_PYTHON) -m venv $(VENV)
endif
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRA)]'
	@mkdir -p $(@D) && touch $@

course: setup ## the main job: build, simulate a class, grade it, compare with the truth (UNITS=05_attention, FULL=1)
	$(PYTHON) -m autograder course $(UNITS) $(if $(FULL),--full)

lab: setup ## open JupyterLab on notebooks/, with nbgrader's formgrader and Validate button
	PATH="$(abspath $(or $(BIN),.)):$$PATH" $(PYTHON) -m jupyterlab $(LAB_OPTIONS)

demos: setup ## serve all demos as a gallery, full screen, to this machine only
	$(PYTHON) -m lecture_lib.demos serve

site: setup ## build the course's site in build/site: lessons, demos, guides, API reference; no network
	$(PYTHON) docs/site/build.py

pictures: setup ## take the screenshots of all demos again, light and dark, and write their README
	$(PYTHON) -m tests.browser.pictures

bundles: node_modules/.package-lock.json ## bundle the JavaScript of the demos again (needs npm)
	npm run --silent bundle

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --silent --ignore-scripts --no-audit --no-fund && touch $@

test: setup ## the tests, without the slow ones and the browser, and on a sample of the answers of each unit
	$(PYTEST) -m "not slow and not browser"

browser: setup ## the tests in a real browser (Chromium)
	$(PYTHON) -m pytest -m browser

test-all: setup ## every test
	$(PYTEST)

check: setup ## lint, format, types, and whether notebooks and keys are what the build makes
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(BIN)basedpyright --pythonpath $(PYTHON)
	$(BIN)oxlint lecture_lib
	$(BIN)oxfmt --check $(JAVASCRIPT)
ifneq ($(shell command -v npm),)
	$(MAKE) --no-print-directory node_modules/.package-lock.json
	npm run --silent check
else
	@echo "no npm on PATH: neither the types nor the bundles of the demos' JavaScript are checked"
endif
	$(PYTHON) -m autograder check

format: setup ## format and mend what ruff can
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
	$(BIN)oxfmt $(JAVASCRIPT)

build: setup ## rebuild notebooks/ and lecture_lib/keys/ from solutions/, where something has changed
	$(PYTHON) -m autograder build $(UNITS)

bench: setup ## measure, beside peers, and write build/bench.json
	$(PYTHON) -m benchmarks

clean: ## remove what the build and the simulated class left; keeps classroom/
	rm -rf build .pytest_cache .ruff_cache .hypothesis
