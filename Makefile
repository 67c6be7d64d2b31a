# Golden images for KubeVirt. 'make' alone lists what there is.
# Everything that a build makes lies in artifacts/; 'make clean' takes it away.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
export DOTNET_NOLOGO := 1
.PHONY: help golden-image up down build steps appliance local-cluster vendor-disk test test-long bench lint docs format packages clean

sources := $(shell find src -name '*.cs' -o -name '*.csproj' -o -name '*.yaml') Directory.Build.props Directory.Build.targets Directory.Packages.props global.json
tool_sources := $(shell find tests/Lab tests/EndToEnd -name '*.cs' -o -name '*.csproj') tests/Directory.Build.props
publish := dotnet publish -c Release -v quiet --nologo
# What may run side by side does, each part's output kept together.
side_by_side := $(MAKE) --no-print-directory -j4 -Otarget

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

golden-image: packages ## Vendor disk to golden DataSource on a local cluster, booted (VENDOR_IMAGE= VENDOR_FORMAT= CUSTOMIZE= OPERATIONS= NETWORK=)
	@$(side_by_side) steps appliance artifacts/golden-image-tool/.done $(if $(VENDOR_IMAGE),,vendor-disk)
	@VENDOR_IMAGE='$(VENDOR_IMAGE)' CUSTOMIZE='$(CUSTOMIZE)' artifacts/golden-image-tool/golden-image

up: build ## Start the local cluster and the registry (golden-image does, too)
	@build/registry up
	@artifacts/local-cluster/bin/local-cluster up

down: ## Stop the local cluster and the registry; what is in them stays
	@[ ! -e artifacts/local-cluster/bin/local-cluster ] || artifacts/local-cluster/bin/local-cluster down
	@build/registry down

build: packages ## Build the steps, the local cluster and the guests' appliance (artifacts/appliance)
	@$(side_by_side) steps appliance

steps: artifacts/steps/.done

# The local cluster is published with them, by one command. One that runs is stopped first: it must not have its program changed below it.
artifacts/steps/.done: $(sources)
	@[ ! -x artifacts/local-cluster/bin/local-cluster ] || artifacts/local-cluster/bin/local-cluster down
	@echo "building the steps and the local cluster"
	@$(publish) Tasks.sln
	@touch $@

local-cluster: steps

artifacts/golden-image-tool/.done: $(tool_sources) artifacts/steps/.done
	@$(publish) tests/EndToEnd/EndToEnd.csproj -p:IsPublishable=true -o artifacts/golden-image-tool
	@touch $@

appliance: packages
	@build/make-appliance artifacts/appliance

vendor-disk: packages
	@images/vendor-debian12/build artifacts/vendor

test: build vendor-disk ## Run the tests (at most 12 min on 2 cores without KVM)
	@build/run-tests short

test-long: build vendor-disk ## Run the long tests: kills at many moments, more guests
	@build/run-tests long

bench: build vendor-disk ## Measure against the tools that we replace, in the same run (RUNS=)
	@$(publish) tests/Benchmarks/Benchmarks.csproj -p:IsPublishable=true -o artifacts/bench-tool
	@artifacts/bench-tool/bench $(if $(RUNS),--runs=$(RUNS))

lint: packages ## Check the style of code and scripts
	@dotnet format Tasks.sln --verify-no-changes --severity warn
	@shellcheck build/install-packages build/run-tests build/make-appliance build/registry .ci/run $(addprefix images/vendor-debian12/,build configure make-disk embed-grub grub-probe-answers)

docs: steps ## Write the tables of tasks/*/README.md anew
	@UPDATE_TABLES=true dotnet test tests/Tekton.Tests -c Release --nologo -v quiet --filter FullyQualifiedName~ReadmeTests

format: ## Put the code into its style
	@dotnet format Tasks.sln --severity warn

packages:
	@build/install-packages

clean: down ## Stop what runs, and remove everything that was built or cached
	rm -rf artifacts
