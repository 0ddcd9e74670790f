# The one entry point: CI calls the same targets. Durations are for 2 cores: a fresh clone / the next time.
# CARGO_BUILD_JOBS is respected. Needed: Rust (with rustfmt and clippy), make, a C compiler; Go 1.26, which builds the API
# server of the controller's tests and the linter of the Dockerfile; npm and, on Debian, a browser for the console's tests,
# which scripts/browser.sh installs.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help quickstart test packages envtest browser editor smtp screenshots check fmt-check lint doc generated templates deny dockerfile hygiene words \
	audit bench bench-compare campaign fuzz mutants fmt generate tools release-check node

CARGO ?= cargo
CAMPAIGN_CASES ?= 10000
DENY := target/tools/bin/cargo-deny --locked check

help: ## List the targets (at once)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

quickstart: ## Plan, apply and plan again on a new local account (2-3 min to build / 5 s)
	@scripts/quickstart.sh

test: packages envtest browser smtp editor ## Run every test and print the counts (6 min / 1 min, and what `envtest` and `browser` take)
	$(CARGO) test --locked --no-fail-fast

packages: ## Install the small programs that tests call (at once)
	@scripts/packages.sh

envtest: ## Build the API server, etcd, kubectl and helm of the controller's tests (6 min / at once)
	@scripts/envtest.sh

browser: ## Install what the browser tests need (1-2 min / at once)
	@scripts/browser.sh

editor: ## Install the language server that the test of the JSON Schema asks (15 s / at once)
	@scripts/editor.sh

smtp: packages ## Install the SMTP server of the mail tests (10 s / at once)
	@scripts/venv.sh $(or $(CARGO_TARGET_DIR),target)/tools/smtp tests/smtp/requirements.txt

screenshots: browser ## Pictures of every page of the console, in target/screenshots (5 min / 1 min)
	$(CARGO) test --locked --test all -- console::
	@ls target/screenshots

check: fmt-check lint doc generated templates deny dockerfile hygiene words ## Formatting, lints, docs, generated files, CI templates, dependencies, Dockerfile, hygiene, words (6-8 min / 30 s)
	@echo "check: all passed"

fmt-check: ## Is everything formatted? (1 s)
	$(CARGO) fmt --all --check

lint: ## Clippy on all targets, warnings are errors (2 min / 5 s)
	$(CARGO) clippy --locked --all-targets -- -D warnings

# Private items are documented too, for contributors; a link to one is therefore no dead link.
doc: ## The documentation, private items too, warnings are errors (2 min / 10 s)
	RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" $(CARGO) doc --locked --no-deps --lib --document-private-items

generated: ## Are the generated files fresh? (2 min / 2 s)
	@scripts/generated.sh

templates: packages ## Are the CI templates what GitHub and GitLab take? (20 s to install check-jsonschema / 2 s)
	@scripts/ci-templates.sh

deny: tools ## Licences, banned and doubled crates, sources (2-4 min to install cargo-deny / 2 s)
	$(DENY) licenses bans sources

dockerfile: tools ## Lint the Dockerfile as Docker's own builder does (1 min to build the linter / at once)
	@target/tools/bin/dockerfile-lint Dockerfile && echo "dockerfile: nothing found"

hygiene: ## No machine paths, registry hosts, addresses of people, private keys or skipped tests (1 s)
	@scripts/hygiene.sh

words: ## No private words in what users read: output, help, documents, charts, examples (1 s)
	@scripts/words.sh

audit: tools ## Known vulnerabilities; says so when the database is out of reach (5 s)
	@scripts/audit.sh

release-check: ## Make and try everything a release has, without publishing, as root; in target/dist (two builds, 12 min of processor time each)
	@scripts/release/check.sh

node: ## The chart on a real node of its own, as root: probes, rolling update, killed leader, drain; log in target/node.log (one such build, and 5 min)
	@scripts/node/check.sh

bench: envtest ## Speed and size, also to target/bench.json (about 15 min, and what `envtest` takes)
	$(CARGO) bench --locked --bench report

bench-compare: ## Beside OpenTofu, and the growth up to 100,000 people; draws the charts of docs/ anew; needs Go, tofu or terraform (10 min to build / 5 min)
	@scripts/opentofu.sh
	$(CARGO) bench --locked --bench compare

campaign: ## 10,000 random accounts on random bad days, of which `make test` has the first 1,000; a tenth as many days of reverts, ends and policies; newly drawn property tests (25 min; CAMPAIGN_CASES=N)
	KORECONCILE_CASES=$(CAMPAIGN_CASES) $(CARGO) test --locked --test all -- campaign::faults::bad_days --nocapture
	KORECONCILE_CASES=$$(( $(CAMPAIGN_CASES) / 10 )) $(CARGO) test --locked --test all -- --nocapture \
		campaign::memory::days campaign::ends::days campaign::policies::days
	seed=$${PROPTEST_RNG_SEED:-$$(date +%s)}; echo "PROPTEST_RNG_SEED=$$seed"; \
		PROPTEST_RNG_SEED=$$seed $(CARGO) test --locked --lib -- plan::

fuzz: ## libFuzzer on what takes bytes from outside, 60 s a target (FUZZ_SECONDS=N); needs a C++ compiler (15 min to build / 6 min)
	@scripts/fuzz.sh

mutants: ## Does a test notice small changes of facts, plan, manifest/compile and kore/budget? A sixteenth of them (MUTANTS_SHARD=k/n), 91 changes at some 10 s, survivors longer
	@scripts/mutants.sh

fmt: ## Format everything (1 s)
	$(CARGO) fmt --all

generate: generated ## Another name for `generated`: it writes the files, then says which were stale

tools: ## Install the pinned tools into target/tools (3-5 min / at once)
	@scripts/tools.sh
