# Two commands matter: `make run` to see it, `make test` before a change goes in.

FUZZTIME ?= 30s
PKGS     ?= ./...
ROWS     ?=
BENCH    ?=

LINT := scripts/go-tool github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# SQLite, translated from C, works on memory that is not Go's, where the race detector
# sees nothing and costs two thirds of all that SQLite does.
NORACE := -gcflags=modernc.org/sqlite/lib=-race=false

# Where Debian has sshd, which is not in every user's PATH.
export PATH := $(PATH):/usr/sbin:/sbin

# Where git has nothing to say (no git, not a clone, another owner's), the build goes without.
BUILDVCS = $(if $(shell git rev-parse HEAD 2>/dev/null),auto,false)

.PHONY: help
help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build, start on ./data, say what to do next
	./keyrack serve --data-dir ./data --welcome

.PHONY: build
build: ## build ./keyrack, a static program that knows its version
	CGO_ENABLED=0 go build -trimpath -buildvcs=$(BUILDVCS) -o keyrack ./cmd/keyrack

.PHONY: test
test: deps lint vuln generated ## check everything, with PostgreSQL, ssh and sshd; narrow with PKGS=
	scripts/with-postgres go test -race $(NORACE) -shuffle=on -timeout 30m $(PKGS)
ifeq ($(PKGS),./...)
	$(MAKE) faults
endif

.PHONY: faults
faults: build ## break the built program: those faults that take seconds; narrow with ROWS=
	go run ./test/bb --bin ./keyrack --size ci $(ROWS)

.PHONY: soak
soak: deps build ## break the built program in every way, for as long as it takes
	go run ./test/bb --bin ./keyrack --size night $(ROWS)

.PHONY: deps
deps: ## install the Debian packages that the tests need, where missing
	scripts/install-test-deps

.PHONY: lint
lint: ## go vet and golangci-lint; narrow with PKGS=
	go vet $(PKGS)
	$(LINT) run $(PKGS)

.PHONY: generated
generated: ## make generated code anew, want no difference
	scripts/check-generated

.PHONY: vuln
vuln: ## look for known vulnerabilities
	scripts/check-vulns

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME=30s
	scripts/fuzz $(FUZZTIME)

.PHONY: bench
bench: deps build ## measure the built program beside a floor; BENCH='--keys 1000000 --db both'
	go run ./bench --bin ./keyrack $(BENCH)

.PHONY: cover
cover: deps ## write coverage.out and show its total
	scripts/with-postgres go test -coverpkg ./... -coverprofile coverage.out $(PKGS)
	go tool cover -func coverage.out | tail -n 1

# Of several checks side by side nobody could read the output.
.NOTPARALLEL:
