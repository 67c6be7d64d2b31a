# Golden images for KubeVirt. 'make' alone lists what there is.
# Everything that a build makes lies in artifacts/; 'make clean' takes it away.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
export DOTNET_NOLOGO := 1
.PHONY: help golden-image build steps appliance vendor-disk test test-long bench lint format packages clean

sources := $(shell find src -name '*.cs' -o -name '*.csproj') Directory.Build.props Directory.Build.targets Directory.Packages.props global.json
tool_sources := $(shell find tests/Lab tests/EndToEnd -name '*.cs' -o -name '*.csproj') tests/Directory.Build.props
publish := dotnet publish -c Release -v quiet --nologo
# What may run side by side does, each part's output kept together.
side_by_side := $(MAKE) --no-print-directory -j4 -Otarget

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

golden-image: packages ## Vendor disk to golden container disk, booted (VENDOR_IMAGE= VENDOR_FORMAT= CUSTOMIZE= OPERATIONS= NETWORK=)
	@$(side_by_side) steps appliance artifacts/golden-image-tool/.done $(if $(VENDOR_IMAGE),,vendor-disk)
	@VENDOR_IMAGE='$(VENDOR_IMAGE)' CUSTOMIZE='$(CUSTOMIZE)' artifacts/golden-image-tool/golden-image

build: packages ## Build the steps (artifacts/steps) and the guests' appliance (artifacts/appliance)
	@$(side_by_side) steps appliance

steps: artifacts/steps/.done

artifacts/steps/.done: $(sources)
	@echo "building the steps"
	@$(publish) Tasks.sln
	@touch $@

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
	@shellcheck build/install-packages build/run-tests build/make-appliance .ci/run $(addprefix images/vendor-debian12/,build configure make-disk embed-grub grub-probe-answers)

format: ## Put the code into its style
	@dotnet format Tasks.sln --severity warn

packages:
	@build/install-packages

clean: ## Remove everything that was built or cached
	rm -rf artifacts
