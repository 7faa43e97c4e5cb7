# make run: everything on this machine, with a demo. make test: the tests. Nothing is needed but Python 3.11 or newer.

PYTHON ?= python3
VENV   := .venv/bin
# Sources are compiled once, and not by each of the processes that the stack is made of.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run doctor test test-browser soak lint bench lock layer-sizes docs page page-check

run:             # the whole service, until Ctrl-C; ARGS="--port 9000" for another port
	@$(PYTHON) local/install.py run
	@exec $(VENV)/python -m local run $(ARGS)

doctor:          # what does not agree, and what is stuck
	@$(PYTHON) local/install.py run
	@exec $(VENV)/python -m local doctor

test:            # the tests; ARGS="-k moved" for some
	@GOAL=test $(PYTHON) local/install.py test
	@exec $(VENV)/python -m pytest $(ARGS)

test-browser:    # the page and stock Uppy in Chromium, zod in Node
	@GOAL=test-browser $(PYTHON) local/install.py browser
	@exec $(VENV)/python -m pytest -m browser -n 0 $(ARGS)

soak:            # the long runs
	@GOAL=soak $(PYTHON) local/install.py test
	@exec $(VENV)/python -m pytest -m soak -n 0 $(ARGS)

lint:            # ruff, both type checkers, the template
	@GOAL=lint $(PYTHON) local/install.py browser
	$(VENV)/ruff check
	$(VENV)/mypy
	$(VENV)/pyright
	$(VENV)/cfn-lint template.yaml

bench:           # measurements
	@GOAL=bench $(PYTHON) local/install.py test
	@exec $(VENV)/python -m bench $(ARGS)

docs:            # the route table in the README, the API's own description, the list of routes
	@GOAL=docs $(PYTHON) local/install.py test
	$(VENV)/python -m docs.openapi --write
	$(VENV)/python -m docs.routes --write

page:            # the built pages and the API's viewer anew, from page/; needs Node 20
	@cd page && npm ci --no-audit --no-fund && node build.mjs

page-check: page # that what is committed is what its sources build
	git diff --exit-code --stat -- functions/show_page functions/show_docs functions/show_device

# pyproject.toml is what it is made from. One resolution for all three files: what runs is what was tested.
GROUPS_RUN  := --group imaging --group video --group aws --group local
GROUPS_TEST := $(GROUPS_RUN) --group test
COMPILE     := $(VENV)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate -q --custom-compile-command 'make lock'

lock:            # lock/*.txt anew, with the newest versions
	@GOAL=lock $(PYTHON) local/install.py test
	@$(VENV)/python -m pip install --disable-pip-version-check -q uv
	$(COMPILE) --upgrade $(GROUPS_TEST) --group browser -o lock/browser.txt
	$(COMPILE) $(GROUPS_TEST) -c lock/browser.txt -o lock/test.txt
	$(COMPILE) $(GROUPS_RUN) -c lock/browser.txt -o lock/run.txt

layer-sizes:     # layers/sizes.json anew, after `make lock` or another line in layers/*/requirements.txt: asks PyPI for 150 MB
	@GOAL=layer-sizes $(PYTHON) local/install.py test
	$(VENV)/python -m docs.layer_sizes --write
