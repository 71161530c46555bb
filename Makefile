# One front door. `make` prints what there is. Settings are variables on the command line: make plan ENV=prod
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
ENV ?=
PLACE = $(or $(ENV),rehearsal)
WORKLOAD ?= vehicles
SOURCE ?=
STAGE ?=
KEEP ?=
REHEARSAL ?=
ROLE ?=
JOBS ?= 2

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Images for containers like to set it; every one of a run's hundreds of processes would then compile what it imports.
unexport PYTHONDONTWRITEBYTECODE
READY := .venv/.slipway-ready
POLICIES_READY := .venv-policies/.slipway-ready
BENCH_READY := .venv-bench/.slipway-ready
SDK_READY := .venv-sdk/.slipway-ready
RUN := .venv/bin/python -m
JOBS_IN = $(RUN) $(if $(filter rehearsal,$(PLACE)),rehearsal.jobs $(1),training.jobs $(1) --env "$(PLACE)" $(if $(OUTPUTS),--outputs "$(OUTPUTS)")) --workload "$(WORKLOAD)"
JOB_WISHES = $(if $(PRICE),--price "$(PRICE)") $(if $(MAX_COST),--max-cost "$(MAX_COST)")

.PHONY: help setup manifests k8s-logs workbench rehearse stop resume train tune status test lint types verify synth functions docs plan apply live rollback drill destroy loadtest capacity simulate policies prove explain bench faults images picture clean

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^## / {printf "\n\033[1m%s\033[0m\n", substr($$0, 4)} \
	  /^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\n\033[1mSettings\033[0m\n'
	@printf '  %-14s %s\n' 'ENV=' 'dev, staging or prod; jobs, loadtest, capacity and simulate know rehearsal too, and take it by default' 'WORKLOAD=' 'a folder of training/workloads (default: vehicles)' \
	  'SOURCE=' 'synthetic, digits or cifar100 (default: what the workload says)' \
	  'STAGE=' 'go on from this stage with what the last rehearsal left' 'KEEP=1' 'leave the rehearsal up' \
	  'REHEARSAL=1' 'plan against the embedded AWS instead of AWS' \
	  'TO=' 'version of a model, for rollback' 'ROLE=' 'name of a role, for explain' 'DIR= PLAN=' 'a folder of Terraform or a plan file, for policies' \
	  'JOB=' 'name of a job, for stop and k8s-logs' 'PRICE=' 'US dollars of an instance-hour, for jobs' 'MAX_COST=' 'US dollars that a job may cost at most' \
	  'OUTPUTS=' 'file of terraform output -json, for jobs of those who may not read the state' \
	  'TRACE=' 'recorded traffic, for simulate: CSV of time,rate or JSON Lines (default: a made-up day)' \
	  'WRITE=1' 'write what loadtest or capacity recommends into the settings' \
	  'SLO_P95_MS=' 'latency limit of a load test (default: the workload'"'"'s own)' 'IMAGES=' 'folder of images for a load test' \
	  'TORCH_INDEX=' 'package index with the torch for this machine' 'TF_PLUGIN_DIR=' 'folder that mirrors the AWS provider'

## Start here
setup: $(READY) ## virtual environment, hashed packages, torch, Terraform and Node where missing

$(READY): requirements/install.py requirements/infra.txt requirements/rehearsal.txt requirements/training.txt \
          requirements/serving.txt requirements/loadtest.txt requirements/dev.txt requirements/torch.txt requirements/uv.txt
	@$(PYTHON) requirements/install.py main

$(POLICIES_READY): requirements/install.py requirements/policies.txt requirements/uv.txt
	@$(PYTHON) requirements/install.py policies

$(BENCH_READY): requirements/install.py requirements/bench.txt requirements/uv.txt
	@$(PYTHON) requirements/install.py bench

$(SDK_READY): requirements/install.py requirements/sdk.txt requirements/uv.txt
	@$(PYTHON) requirements/install.py sdk

rehearse: $(READY) ## data to classified images on this machine, through real Terraform [STAGE= KEEP=1 SOURCE=]
	@$(RUN) rehearsal run --workload $(WORKLOAD) $(if $(SOURCE),--source $(SOURCE)) $(if $(STAGE),--stage $(STAGE)) $(if $(KEEP),--keep)

stop: $(READY) ## stop what KEEP=1 left running, and save its state; with JOB= that job instead [WORKLOAD= ENV= JOB=]
	@$(if $(JOB),$(call JOBS_IN,stop) --job "$(JOB)",$(RUN) rehearsal stop)

resume: $(READY) ## bring it back as it was
	@$(RUN) rehearsal resume

## Jobs
train: $(READY) ## train once and follow the log [WORKLOAD= ENV= PRICE= MAX_COST= OUTPUTS= ARGS=]
	@$(call JOBS_IN,train) $(JOB_WISHES) $(ARGS)

tune: $(READY) ## search the workload's hyperparameters, trial by trial [WORKLOAD= ENV= PRICE= MAX_COST= OUTPUTS= ARGS=]
	@$(call JOBS_IN,tune) $(JOB_WISHES) $(ARGS)

status: $(READY) ## recent jobs with state, metrics and cost [WORKLOAD= ENV= OUTPUTS= ARGS=]
	@$(call JOBS_IN,status) $(ARGS)

## Prove
test: $(READY) $(POLICIES_READY) ## lint, types, unit, terraform, policies, browser and a short rehearsal
	@$(MAKE) --no-print-directory --output-sync=target -j2 lint types policies
	@$(RUN) pytest -q -n $(JOBS) --dist loadgroup -m "not slow"

lint: $(READY)
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .

types: $(READY)
	@$(RUN) mypy functions loadtest policies rehearsal terraform training requirements/install.py

verify: test $(SDK_READY) ## everything in test, and the long proofs
	@HYPOTHESIS_PROFILE=verify SLIPWAY_REQUIRE_SDK=1 $(RUN) pytest -q -m "slow or hypothesis"
	@$(RUN) policies.mutants

policies: $(READY) $(POLICIES_READY) ## the security baseline over every module, environment and account [DIR= PLAN=]
	@$(RUN) policies $(if $(DIR),--folder "$(DIR)") $(if $(PLAN),--plan "$(PLAN)")

prove: $(READY) $(POLICIES_READY) ## granted beside used, forbidden calls, ways out; rehearses first where the code is new
	@$(RUN) rehearsal.prove

explain: $(READY) ## what may this role do: ROLE= [ENV=]
	@$(RUN) rehearsal.prove.explain "$(ROLE)" $(if $(ENV),--env $(ENV))

drill: $(READY) ## a bad model under load: turned back by its alarm, no request lost [ARGS=]
	@$(RUN) rehearsal.drill $(ARGS)

faults: $(READY) ## break things under load: requests, alarms and recovery into docs/evidence/faults.md
	@$(RUN) rehearsal.faults --out docs/evidence/faults.md

bench: $(READY) ## measure beside peers; rows of docs/benchmarks.md [GROUP= ROUNDS=]
	@$(MAKE) --no-print-directory $(BENCH_READY) || echo "bench: goes on without the peers of requirements/bench.in" >&2
	@$(RUN) rehearsal.bench $(GROUP)

## Train elsewhere
manifests: $(READY) ## a workload for a Kubernetes cluster with ACK: .slipway/manifests/WORKLOAD [ENV= OUTPUTS= NAMESPACE= ARGS=]
	@$(RUN) training.jobs.kubernetes manifests --workload "$(WORKLOAD)" $(if $(ENV),--env "$(ENV)") \
	  $(if $(OUTPUTS),--outputs "$(OUTPUTS)") $(if $(NAMESPACE),--namespace "$(NAMESPACE)") $(ARGS)

k8s-logs: $(READY) ## follow the log of a cluster's training job: JOB=RESOURCE, or the manifest's [NAMESPACE=]
	@$(RUN) training.jobs.kubernetes logs --workload "$(WORKLOAD)" $(if $(JOB),--job "$(JOB)") \
	  $(if $(NAMESPACE),--namespace "$(NAMESPACE)") $(ARGS)

workbench: $(READY) ## train on an instance of EC2, watched: ENV= WORKLOAD= [ARGS=--off]
	@$(RUN) training.jobs.workbench --workload "$(WORKLOAD)" --env "$(ENV)" $(if $(OUTPUTS),--outputs "$(OUTPUTS)") $(ARGS)

## Run environments
synth: $(READY) ## settings.yaml -> main.tf.json of every environment
	@$(RUN) terraform.stacks.synth

functions: $(READY) ## Lambda code -> functions/dist/*.zip
	@$(RUN) functions.build

plan: $(READY) ## plan an environment: ENV=dev|staging|prod [REHEARSAL=1 without an account]
	@$(if $(REHEARSAL),$(RUN) rehearsal plan "$(ENV)",$(RUN) terraform.operate plan "$(ENV)")

apply: $(READY) ## plan, show, ask, apply just that plan, and verify what is live: ENV=
	@$(RUN) terraform.operate apply "$(ENV)"

live: $(READY) ## verify what is live, and change nothing: ENV=
	@$(RUN) terraform.operate live "$(ENV)"

rollback: $(READY) ## go back to the last good model: ENV= [TO=VERSION WORKLOAD=]
	@$(RUN) terraform.operate rollback "$(ENV)" --workload "$(WORKLOAD)" $(if $(TO),--to "$(TO)")

destroy: $(READY) ## take an environment down; asks for its name: ENV=
	@$(RUN) terraform.operate destroy "$(ENV)"

loadtest: $(READY) ## verdict, knee, scaling target and report [ENV= IMAGES=DIR SLO_P95_MS= WRITE=1 ARGS=]
	@$(RUN) $(if $(filter rehearsal,$(PLACE)),rehearsal.loadtest,loadtest --env "$(PLACE)") --workload "$(WORKLOAD)" \
	  $(if $(IMAGES),--images "$(IMAGES)") $(if $(SLO_P95_MS),--slo-p95-ms "$(SLO_P95_MS)") $(if $(WRITE),--write) $(if $(ARGS),-- $(ARGS))

capacity: $(READY) ## hold an environment's scaling against its last load test [ENV= WRITE=1 ARGS=]
	@$(RUN) loadtest.capacity --result .slipway/loadtest/load.json --env "$(PLACE)" --workload "$(WORKLOAD)" $(if $(WRITE),--write) $(ARGS)

simulate: $(READY) ## replay a day against an environment's scaling, and draw it [TRACE=FILE ENV= ARGS=]
	@$(RUN) loadtest.simulation $(if $(TRACE),--trace "$(TRACE)") --env "$(PLACE)" --workload "$(WORKLOAD)" --out .slipway/simulation $(ARGS)

docs: $(READY) ## tables and diagrams that are generated from the code
	@$(RUN) terraform.docs
	@$(RUN) policies.catalogue
	@$(RUN) rehearsal.prove.pages
	@$(RUN) training.workloads.reference

images: $(READY) $(SDK_READY) ## ask the SageMaker SDK anew where AWS keeps its images: training/jobs/images.lock.json
	@$(RUN) training.jobs.image_lock

picture: $(READY) ## docs/report.png and docs/load.png, from the last reports
	@$(RUN) rehearsal.report.screenshot

clean: ## remove what set-up and runs have made
	@if [ -x .venv/bin/python ] && [ -f .slipway/rehearsal/run.json ]; then $(RUN) rehearsal stop; fi
	rm -rf .venv .venv-policies .venv-bench .venv-sdk .slipway .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
