# Nothing has to be set up first: each target brings the environment it needs.
# Tools run as `python -m tool`, because the shebang lines of a virtual environment break in paths with spaces.

PY := .venv/bin/python
SOURCES := $(wildcard app.py bench cdk cdk8s migrations src tests tools/*.py)
TYPED := $(wildcard app.py bench cdk cdk8s src tests)

# An empty HOME means "/" to most tools; an absent one means the home of the user.
ifeq ($(HOME),)
unexport HOME
endif

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

##@ The platform on this machine

.PHONY: dev
dev: setup-dev ## Start the whole platform; Ctrl-C stops it
	@exec $(PY) -m payments dev

.PHONY: dev-reset
dev-reset: setup-dev ## Forget all local data (.dev/)
	@exec $(PY) -m payments dev-reset

.PHONY: demo
demo: setup-dev ## Play a payment's whole story against the gateway
	@exec $(PY) -m payments demo

.PHONY: bench
bench: setup-dev ## Measure payments per second against PostgreSQL's own benchmark
	@exec $(PY) -m bench

.PHONY: overload
overload: setup-dev ## Measure what is left of the throughput above saturation
	@exec $(PY) -m bench.overload

##@ On AWS

.PHONY: bundle
bundle: setup-infra ## Build the zip that Lambda runs (arm64) into build/
	@$(PY) -m cdk.bundle

.PHONY: bench-lambda
bench-lambda: setup-infra ## Measure the imports of a cold start
	@$(PY) -m bench.cold_start

# All stages, or one: make synth STAGE=production COMPUTE=serverless
STAGE ?= development staging production

.PHONY: synth
synth: setup-infra ## Synthesize CloudFormation templates into cdk.out/<stage> (STAGE=…, COMPUTE=serverless|eks)
	@for stage in $(STAGE); do $(PY) app.py -c stage=$$stage $(if $(COMPUTE),-c compute=$(COMPUTE)) || exit 1; done

.PHONY: cost
cost: setup-infra ## Print each stage's monthly bill and its band (STAGE=…, COMPARE=main shows what a change costs)
	@for stage in $(STAGE); do $(PY) -m cdk.cost --stage $$stage $(if $(COMPUTE),--compute $(COMPUTE)) \
		$(if $(COMPARE),--compare $(COMPARE)) || exit 1; done

.PHONY: manifests
manifests: setup-infra ## Write each stage's Kubernetes manifests to dist/<stage>
	@$(PY) cdk8s/main.py

.PHONY: setup-cdk
setup-cdk: setup-infra ## Install the CDK command line: node_modules/.bin/cdk
	@[ -x node_modules/.bin/cdk ] || $(PY) cdk/node.py ci --no-audit --no-fund --loglevel=error

.PHONY: deploy-check
deploy-check: setup-test setup-cdk ## Really deploy what a local AWS can hold, twice, and destroy it again
	@DEPLOY_CHECK=1 $(PY) -m pytest -q tests/cdk/test_deploy.py

.PHONY: drill
drill: setup-dev ## Break three things on a platform of its own; their alerts have to fire and clear
	@exec $(PY) -m bench.drill

##@ Checks

.PHONY: test
test: setup-test ## Lint, types, import rules, then every test
	@$(MAKE) --no-print-directory -j2 lint setup-checkov
	@$(PY) -m pytest -n 2

# New random runs each time; failures are kept in .hypothesis/ and come first the next time.
RUNS ?= 1000

.PHONY: fuzz
fuzz: setup-test ## Play 1,000 random lives of a merchant against the model (RUNS=5000 for more)
	@FUZZ_RUNS=$(RUNS) $(PY) -m pytest -n 2 tests/payments/test_machine.py

# Random requests to each operation, on top of the edges of every field.
REQUESTS ?= 60

.PHONY: fuzz-api
fuzz-api: setup-test ## Send random requests to every operation of the API (REQUESTS=200 for more)
	@CONTRACT_EXAMPLES=$(REQUESTS) $(PY) -m pytest tests/contract

# As many kills as you have patience for.
KILLS ?= 100

.PHONY: audit
audit: setup-test ## Kill workers 100 times under load; a receiver outside audits (KILLS=500 for more)
	@KILLS=$(KILLS) $(PY) -m pytest tests/webhooks/test_kill.py -k audits

.PHONY: rolling
rolling: setup-test ## Restart two gateways one after the other under 10,000 requests; none may fail
	@ROLLING_REQUESTS=10000 $(PY) -m pytest tests/gateway/test_rolling_restart.py

.PHONY: lint
lint: setup-test ## ruff, formatting, types, import rules
	@$(PY) -m ruff check $(SOURCES)
	@$(PY) -m ruff format --check $(SOURCES)
	@$(MAKE) --no-print-directory typecheck imports

# import-linter has no __main__: `python -m` on it checks nothing and succeeds.
.PHONY: imports
imports: setup-test ## Import rules between services and layers
	@$(PY) -c 'from importlinter.cli import lint_imports_command as main; main()'

.PHONY: typecheck
typecheck: setup-test ## mypy, strict
	@$(PY) -m mypy $(TYPED)

.PHONY: format
format: setup-test ## Fix what ruff can fix, and format
	@$(PY) -m ruff check --fix-only $(SOURCES)
	@$(PY) -m ruff format $(SOURCES)

##@ Upkeep

.PHONY: setup-dev
setup-dev: ## Install what `make dev` needs (it does this by itself)
	@sh tools/setup-venv dev

.PHONY: setup-infra
setup-infra: ## Install what `make bundle` and the infrastructure need (they do this by themselves)
	@sh tools/setup-venv infra

.PHONY: setup-test
setup-test: ## Install what `make test` needs (it does this by itself)
	@sh tools/setup-venv test

.PHONY: setup-checkov
setup-checkov: ## Install checkov, which needs an environment of its own
	@sh tools/setup-venv checkov

.PHONY: lock
lock: setup-test ## Recompile requirements/*.txt (UPGRADE=1 takes newer versions)
	@sh tools/lock $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## Remove the environment, caches and build output; keeps .dev/
	@rm -rf .venv .venv-checkov .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist cdk.out node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
