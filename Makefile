# make run: everything on this machine, with a demo. make test: the tests. Nothing is needed but Python 3.11 or newer.

PYTHON ?= python3
# Installs lock/$(1).txt where that was not done yet, then runs a program of that environment.
with = exec env GOAL=$@ $(PYTHON) local/install.py $(1)
# Sources are compiled once, and not by each of the processes that the stack is made of.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run doctor test test-browser soak lint bench lock layer-sizes docs page page-check

run:             # the whole service, until Ctrl-C; ARGS="--port 9000" for another port, --like-aws for the limits of API Gateway and Lambda
	@$(call with,run) python -m local run $(ARGS)

doctor:          # what does not agree, and what is stuck
	@$(call with,run) python -m local doctor

test:            # the tests; ARGS="-k moved" for some
	@$(call with,test) python -m pytest $(ARGS)

test-browser:    # the page and stock Uppy in Chromium, zod in Node
	@$(call with,browser) python -m pytest -m browser -n 0 $(ARGS)

soak:            # the long runs
	@$(call with,test) python -m pytest -m soak -n 0 $(ARGS)

lint:            # ruff and its format, both type checkers, the template
	@$(call with,browser) ruff check
	@$(call with,browser) ruff format --check -q
	@$(call with,browser) mypy
	@$(call with,browser) sh -c 'pyright --pythonpath "$$(command -v python)"'
	@$(call with,browser) cfn-lint template.yaml

bench:           # measurements
	@$(call with,test) python -m bench $(ARGS)

docs:            # the route table in the README, the API's own description, the list of routes, the schema
	@$(call with,test) python -m tools.openapi --write
	@$(call with,test) python -m tools.routes --write
	@$(call with,test) python -m tools.schema --write

page:            # the built pages and the API's viewer anew, from page/; needs Node 20
	@cd page && npm ci --no-audit --no-fund && node build.mjs

page-check: page # that what is committed is what its sources build
	git diff --exit-code --stat -- functions/show_page functions/show_docs functions/show_device

# pyproject.toml is what it is made from. One resolution for all three files: what runs is what was tested.
GROUPS_RUN  := --group imaging --group video --group aws --group local
GROUPS_TEST := $(GROUPS_RUN) --group test
COMPILE      = $(call with,test) uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate -q --custom-compile-command 'make lock'

lock:            # lock/*.txt anew, with the newest versions
	@$(call with,test) python -m pip install --disable-pip-version-check -q uv
	$(COMPILE) --upgrade $(GROUPS_TEST) --group browser -o lock/browser.txt
	$(COMPILE) $(GROUPS_TEST) -c lock/browser.txt -o lock/test.txt
	$(COMPILE) $(GROUPS_RUN) -c lock/browser.txt -o lock/run.txt

layer-sizes:     # layers/sizes.json anew, after `make lock` or another line in layers/*/requirements.txt: asks PyPI for 150 MB
	@$(call with,test) python -m tools.layer_sizes --write
