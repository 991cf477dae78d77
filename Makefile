# Every target first installs its prerequisites (see setup/); a second run installs nothing.
.PHONY: help demo review test quick soak lint bench bench-distance bench-peers licenses install peers venv clean
.DEFAULT_GOAL := help

# Tests start hundreds of Python processes: compile each module once, not in each process.
unexport PYTHONDONTWRITEBYTECODE

# $(1): the names of the prerequisites to install, with the first Python that is new enough.
define setup
@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
    exec "$$python" -m setup $(1); \
  fi; \
done; \
printf '%s\n' \
  'Python 3.11 or later was not found. Nothing was installed.' \
  '  Debian 12, Ubuntu 24.04 or later: sudo apt-get install -y python3 python3-venv' \
  '  Fedora:                           sudo dnf install -y python3' \
  '  Homebrew:                         brew install python' \
  'Then run the same command again. To use another Python: `make PYTHON=/path/to/python3 ...`.' >&2; \
exit 1
endef

help:
	@printf '%s\n' \
	  'make demo          move sixty images between two clouds on this machine, and prove every digest' \
	  'make demo KEEP=1   the same, and keep the two clouds running' \
	  'make review        review both sandbox stacks with the policy pack; STACKS=... reviews other stacks' \
	  'make test          lint, then all tests' \
	  'make quick         lint, and the tests without servers: no Go, no Node.js' \
	  'make soak          the long sets: fuzzers, every removed right, way out and answer of Azure, and random walks (WALKS_SECONDS=1800)' \
	  'make lint          ruff format, ruff check, mypy --strict' \
	  'make bench         run the benchmarks, with rclone, crane and regctl if `make bench-peers` installed them; BENCH=hop runs one' \
	  'make bench-distance   plan and prove 10,000 artifacts with 20 ms until each response, without and with a login' \
	  'make licenses      list the licenses of all Python packages; fails for an unknown one, or one with strong copyleft' \
	  'make install       install the prerequisites: .venv, the Pulumi CLI, Azurite, a registry server' \
	  'make peers         build crane, regctl and oras for the tests that use them in the sandbox' \
	  'make clean         stop the two clouds; remove .venv and the caches of this checkout'

demo: install
	@KEEP='$(KEEP)' sh examples/demo.sh

# With STACKS, the review uses the shell's environment: backend, passphrase and cloud of the user.
review: $(if $(STACKS),venv,install)
	@if [ -n '$(STACKS)' ]; then \
	  .venv/bin/acr-transfer review --profile '$(or $(PROFILE),baseline)' --report review.json --sarif review.sarif $(STACKS); \
	else PROFILE='$(PROFILE)' sh examples/review.sh; fi

# Tests wait for a quarter of their time: three workers keep two cores busy.
WORKERS = $$(.venv/bin/python -c 'import os; print(min(6, -(-3 * os.cpu_count() // 2)))')

test: install lint
	$(call setup,node-sdk)
	.venv/bin/python -m pytest -n "$(WORKERS)" --dist loadfile --no-loadscope-reorder

quick: lint
	.venv/bin/python -m pytest -n auto --maxprocesses 4 -m 'not servers' \
	  tests/unit tests/component tests/policy tests/policy_review tests/documentation

# The figures of docs/security.md, every removed right, every way out, every answer of docs/choices.md alone, and
# random walks.
WALKS_SECONDS ?= 1800

soak: install
	@results="$$(mktemp -d)" && export FUZZ=long FUZZ_RESULTS="$$results" && \
	{ .venv/bin/python -m pytest tests/fuzz -n auto --maxprocesses 2 --dist loadfile -q || failed=1; }; \
	{ RIGHTS=all .venv/bin/python -m pytest tests/rights tests/ways_out tests/engine/test_lives.py \
	  -n auto --maxprocesses 2 --dist loadfile -q || failed=1; }; \
	{ WALKS_SECONDS=$(WALKS_SECONDS) .venv/bin/python -m pytest tests/walks \
	  -n auto --maxprocesses 2 -q || failed=1; }; \
	.venv/bin/python -m tests.fuzz.table "$$results" && rm -r "$$results" && exit $${failed:-0}

lint: venv
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

licenses: venv
	.venv/bin/pip-licenses

CACHE = $${ACR_TRANSFER_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/acr-transfer}
BENCH ?= sandbox hop killed plan referrers prove registry_clients artifacts batches

bench: install
	@for folder in "$(CACHE)"/bench/bin "$(CACHE)"/peers/*/bin; do PATH="$$folder:$$PATH"; done; export PATH; \
	for name in $(BENCH); do echo; echo "## bench/$$name.py"; .venv/bin/python "bench/$$name.py" || exit 1; done

# The section Distance of docs/benchmarks.md: ten minutes without other work on the machine.
bench-distance: install
	@for login in '' --login; do \
	  .venv/bin/python bench/plan.py --latency 20 $$login && \
	  .venv/bin/python bench/prove.py --artifacts 10000 --tags 50 --latency 20 $$login || exit 1; done

# The tools of the comparisons; Go builds rclone in about three minutes.
bench-peers:
	$(call setup,peers)
	@mkdir -p "$(CACHE)/bench/bin" && GOBIN="$$(cd "$(CACHE)/bench/bin" && pwd)" CGO_ENABLED=0 GOFLAGS=-trimpath \
	go install -ldflags='-s -w' github.com/rclone/rclone@v1.76.0

install:
	$(call setup,all)

peers:
	$(call setup,peers)

venv:
	$(call setup,venv)

clean:
	@if [ -x .venv/bin/python ]; then .venv/bin/python -m sandbox down || true; fi
	rm -rf .venv .venv.lock .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@cache="$${ACR_TRANSFER_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/acr-transfer}"; \
	if [ -d "$$cache" ]; then printf '%s\n' \
	  "Kept, because all checkouts share it: the Pulumi CLI, Azurite and the registry server in $$cache" \
	  "To remove them too: rm -rf '$$cache'"; fi
