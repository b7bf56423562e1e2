# `make` alone explains itself. Everything a target needs it installs by itself,
# into the user's cache, pinned.

CACHE   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/latchwork
GO      := go
TOOLS   := $(CACHE)/tools
LINT    := $(TOOLS)/golangci-lint-2.15.0
STAT    := $(TOOLS)/benchstat
RELEASER := $(TOOLS)/goreleaser-2.12.0
AZURITE := $(CACHE)/azurite-3.35.0
ARMLOGIC := $(CACHE)/arm-logic-8.2.0
NODERED := $(CACHE)/node-red-4.1.8
DIST    := dist
WORKFLOWS := samples
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null)
AT      := github.com/latchwork/latchwork/handlers
STAMP   := -buildvcs=false -ldflags "-X $(AT).Version=$(VERSION) -X $(AT).Commit=$(COMMIT)"

.DEFAULT_GOAL := help

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## serve the sample workflows on http://127.0.0.1:7071, with the store in a file
	$(GO) run .

test: azurite-install arm-logic-install ## run all tests; installs Azurite and a client (pinned) on first use
	$(GO) test -timeout 20m ./...
	cd bench && $(GO) test -timeout 20m ./...

check: format-check generate-check azurite-install arm-logic-install ## all that CI checks: format, vet, lint, generated files, tests with the race detector
	$(GO) vet ./...
	cd bench && $(GO) vet ./...
	$(MAKE) --no-print-directory lint
	$(GO) test -race -timeout 40m ./...
	cd bench && $(GO) test -race -timeout 20m ./...

lint: $(LINT) ## run golangci-lint (pinned)
	$(LINT) run ./...
	cd bench && $(LINT) run ./...

format: ## format all Go files
	gofmt -w $$(git ls-files '*.go')

format-check:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not formatted:"; gofmt -l $$(git ls-files '*.go'); exit 1; }

generate: ## write generated files: functions/*/function.json, the catalogue, docs
	$(GO) generate ./...

generate-check:
	$(GO) test ./handlers ./tools/bicep ./tools/costs -run 'Generated' -count=1

bench: ## run all benchmarks; BENCH=regexp and COUNT=n narrow them
	$(GO) test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -count $(or $(COUNT),1) ./...
	cd bench && $(GO) test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -count $(or $(COUNT),1) ./...

# Node-RED and n8n take part where they are installed: node-red-install, or NODE_RED and N8N with their programs.
load: azurite-install ## load test beside other servers: SECONDS (10), REPEAT (5), TARGETS, CALLERS, JSON=file, DIR of the stores
	cd bench && NODE_RED=$${NODE_RED:-$(wildcard $(NODERED)/node_modules/.bin/node-red)} $(GO) run ./load -seconds $(or $(SECONDS),10) -repeat $(or $(REPEAT),5) \
		$(if $(TARGETS),-targets $(TARGETS)) $(if $(CALLERS),-callers $(CALLERS)) $(if $(JSON),-json $(abspath $(JSON))) $(if $(DIR),-dir $(abspath $(DIR)))

fuzz: ## run each fuzz target for FUZZTIME (10s)
	@for f in $$(git grep -l '^func Fuzz' -- '*_test.go'); do \
		for t in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$f); do \
			echo "$$f $$t"; $(GO) test ./$$(dirname $$f) -run '^$$' -fuzz "^$$t$$" -fuzztime $(or $(FUZZTIME),10s) || exit 1; \
		done; done

crash: azurite-install ## kill the binary again and again during RUNS (1000) runs on each store; SEED repeats an earlier choice
	LATCHWORK_CRASH_RUNS=$(or $(RUNS),1000) LATCHWORK_CRASH_SEED=$(SEED) $(GO) test ./handlers -run '^TestCrash$$' -count=1 -v -timeout 60m

scale: azurite-install ## RUNS (2000) mixed runs on three processes, one killed and one added; and a loop of 10,000 calls that goes from process to process
	LATCHWORK_SCALE_RUNS=$(or $(RUNS),2000) LATCHWORK_SCALE_ITEMS=$(or $(ITEMS),10000) $(GO) test ./handlers -run '^TestScale' -count=1 -v -timeout 60m

soak: ## serve the binary for MINUTES (30) at half the load it takes, and fail if memory, goroutines, files or the store grow
	$(GO) run ./tools/soak -minutes $(or $(MINUTES),30) $(if $(RETENTION),-retention $(RETENTION))

package: ## lay out dist/, the folder that is deployed to Azure Functions, and dist-arm64/; WORKFLOWS=paths go along, else the samples
	$(GO) run $(STAMP) . package --out $(DIST) --arch amd64 $(WORKFLOWS)
	$(GO) run $(STAMP) . package --out $(DIST)-arm64 --arch arm64 $(WORKFLOWS)

release: $(RELEASER) ## build archives, checksums and SBOMs of all platforms into release/; publishes nothing
	$(RELEASER) release --clean --snapshot --skip=publish

azurite: azurite-install ## start the storage emulator on its usual ports
	node $(AZURITE)/node_modules/azurite/dist/src/azurite.js --silent --location $(CACHE)/azurite-data --skipApiVersionCheck --disableTelemetry

azurite-install: $(AZURITE)/.installed

# A clone of its own is no reason to install again: what counts is what the lock file says.
NPM = @cmp -s $< $@ || { mkdir -p $(@D) && cp $(<D)/package.json $< $(@D)/ && npm ci --prefix $(@D) --no-audit --no-fund --loglevel=error && cp $< $@; } && touch $@

$(AZURITE)/.installed: tools/azurite/package-lock.json
	$(NPM)

arm-logic-install: $(ARMLOGIC)/.installed

$(ARMLOGIC)/.installed: tools/arm-logic/package-lock.json
	$(NPM)

node-red-install: $(NODERED)/.installed ## install Node-RED (pinned) for make load

$(NODERED)/.installed: tools/node-red/package-lock.json
	$(NPM)

$(LINT):
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv $(TOOLS)/golangci-lint $(LINT)

$(RELEASER):
	GOBIN=$(TOOLS) $(GO) install github.com/goreleaser/goreleaser/v2@v2.12.0
	mv $(TOOLS)/goreleaser $(RELEASER)

.PHONY: help run test check lint format format-check generate generate-check bench load fuzz crash scale soak package release azurite azurite-install arm-logic-install node-red-install
