# make run: everything on this machine, with a demo. make test: the tests. Both need Python 3.11 or newer and no
# other program.

PYTHON ?= python3
# Installs lock/$(1).txt where that has not been done yet, then runs a program of that environment.
with = exec env GOAL=$@ $(PYTHON) local/install.py $(1)
# Python may write compiled modules: otherwise each process of the stack would compile them again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run doctor test test-browser soak lint bench lock layer-sizes docs endpoint page page-check

run:             # the whole service, until Ctrl-C; ARGS="--port 9000" for another port, --like-aws for the limits of API Gateway and Lambda
	@$(call with,run) python -m local run $(ARGS)

doctor:          # lists what is inconsistent and what is stuck
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

docs:            # writes README's tables of routes, the API's description, the list of routes, the schema
	@$(call with,test) python -m tools.openapi --write
	@$(call with,test) python -m tools.routes --write
	@$(call with,test) python -m tools.schema --write

endpoint:        # the files of a new endpoint, and its block in template.yaml; NAME=get_stats ROUTE="GET /api/dataset/{datasetId}/stats"
	@$(call with,test) python -m tools.endpoint "$(NAME)" "$(ROUTE)"

page:            # builds the pages and the API's viewer from page/; needs Node 20
	@cd page && npm ci --no-audit --no-fund && node build.mjs

page-check: page # fails where the committed pages differ from what their sources build
	git diff --exit-code --stat -- functions/show_page functions/show_docs functions/show_device

# The lock files are made from pyproject.toml. One resolution for all three: what runs is what was tested.
GROUPS_RUN  := --group imaging --group video --group aws --group local
GROUPS_TEST := $(GROUPS_RUN) --group test
COMPILE      = $(call with,test) uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate -q --custom-compile-command 'make lock'

lock:            # writes lock/*.txt anew, with the newest versions
	@$(call with,test) python -m pip install --disable-pip-version-check -q uv
	$(COMPILE) --upgrade $(GROUPS_TEST) --group browser -o lock/browser.txt
	$(COMPILE) $(GROUPS_TEST) -c lock/browser.txt -o lock/test.txt
	$(COMPILE) $(GROUPS_RUN) -c lock/browser.txt -o lock/run.txt

layer-sizes:     # writes layers/sizes.json anew, after `make lock` or a change of layers/*/requirements.txt; downloads 150 MB
	@$(call with,test) python -m tools.layer_sizes --write
