# `make demo` and `make test` work on a fresh clone; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# ROS_WHEELS=kilted make demo: those wheels instead of Jazzy's, in an environment of their own.
ROS_WHEELS ?= jazzy
export ROS_WHEELS
VENV ?= .venv$(if $(filter-out jazzy,$(ROS_WHEELS)),-$(ROS_WHEELS))
VENV_PYTHON := $(VENV)/bin/python
SOURCE ?=
OUT ?= out/demo
TESTS ?= test
ONLY ?=
ARGS ?=
# Tests of nodes wait more than they work, so there are more of these than cores; each grows to 2 GiB with torch and Ray in it.
# Neighbours share what is costly to make, and stay together until a worker has nothing left to do.
WORKERS ?= $(shell awk '/^MemAvailable/ { n = int($$2 / 3145728); found = (n < 1 ? 1 : (n > 4 ? 4 : n)) } END { print (found ? found : 2) }' /proc/meminfo 2> /dev/null || echo 2)
PARALLEL ?= -n $(WORKERS) --dist worksteal

# How a Python runs tests: $(call pytest,its folder,options and tests). With AGAIN=1, as the gate has it, what failed among
# many is asked once more, alone, and said: what fails twice is wrong, what fails once leans on the load and is to be mended.
CACHE = -o cache_dir=.pytest_cache/$(notdir $(1))
pytest = $(1)/bin/python -m pytest $(CACHE) $(PARALLEL) $(2) $(ARGS) $(if $(AGAIN),$(alone))
alone = || { printf '\n==== asked again, each alone ====\n'; \
	$(1)/bin/python -m pytest $(CACHE) --last-failed --last-failed-no-failures=none $(2) $(ARGS); }
AGAIN ?=

# The wheels' share/ is an ament prefix; a prefix that is sourced already comes first.
export AMENT_PREFIX_PATH := $(if $(AMENT_PREFIX_PATH),$(AMENT_PREFIX_PATH):)$(abspath $(VENV))
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST
# Keeps large images from being lost between processes, and UDP on the loopback: see docs/ros.md. The second name is that
# of Fast DDS 3.
export FASTRTPS_DEFAULT_PROFILES_FILE ?= $(abspath config/fastdds_this_machine.xml)
export FASTDDS_DEFAULT_PROFILES_FILE ?= $(FASTRTPS_DEFAULT_PROFILES_FILE)
# rclpy ends where it cannot write its log: a HOME that is read-only, or none.
ifneq ($(shell log=$${ROS_HOME:-$${HOME:+$$HOME/.ros}}; [ "$$log" ] && mkdir -p "$$log/log" 2> /dev/null && [ -w "$$log/log" ] && echo yes),yes)
export ROS_LOG_DIR ?= $(abspath out/log)
endif
# Where no ROS is sourced, a Python path can only hide the packages of the environment.
ifndef ROS_DISTRO
unexport PYTHONPATH
endif
# Nor may the Python of another environment, which called make, hand down where it has its ROS libraries.
ifdef _ROS_WHEELS_BOOTSTRAP_COMPLETE
export LD_LIBRARY_PATH := $(shell . scripts/machine.sh; library_path_without_wheels)
endif
unexport PYTHONHOME _ROS_WHEELS_BOOTSTRAP_COMPLETE
# Nor may a machine's habit of writing no bytecode let every process compile torch anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo label-demo refer-demo test test-here lint typecheck egl rendering test-matrix test-oldest test-newest test-pythons test-optional bench setup lock campaign fuzz evidence sbom clean distclean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name text; do printf '  \033[1mmake %-13s\033[0m %s\n' "$$name" "$$text"; done

demo: ## play the demo bag, or SOURCE=images|video|bag, through the perception node into out/demo
	@scripts/bootstrap.sh onboard $(VENV)
	@$(VENV_PYTHON) -m afss_ros.nodes.demo $(if $(SOURCE),--source "$(SOURCE)") --out "$(OUT)" $(ARGS)

.PHONY: typecheck-newest geo-demo
geo-demo: setup ## draw two towns, learn one, map the other and score the map, by the commands of afss geo, into out/geo
	@$(VENV_PYTHON) -m examples.geo $(ARGS)

.PHONY: rendezvous
rendezvous: setup ## fly a rendered approach by a filter on the node's output, into out/rendezvous: an example to start from
	@$(VENV_PYTHON) -m examples.rendezvous $(ARGS)

label-demo: ## label the demo bag offline, with the shipped student as teacher, into out/label-demo; look at its report.html
	@scripts/bootstrap.sh ground $(VENV)
	@$(VENV_PYTHON) -m afss_ros.cli label demo/demo.mcap --config config/label_student.yaml --seconds 0.2 --out out/label-demo $(ARGS)

refer-demo: ## point at things with words in the demo's frames, into out/refer-demo; look at its sheet.jpg
	@scripts/bootstrap.sh onboard $(VENV)
	@$(VENV_PYTHON) -m afss_ros.refer.demo $(ARGS)

# Tests of nodes wait more than they work, and mypy works on one core alone: it looks on beside them, and says what it has
# to say after them. $(call beside,target,targets)
beside = mkdir -p out; nice $(MAKE) $(1) &> out/$(1).log & other=$$!; trap 'kill $$other 2> /dev/null || true' EXIT; \
	$(MAKE) $(2); wait $$other || { cat out/$(1).log; exit 1; }; cat out/$(1).log

test: egl setup rendering lint ## lint, type-check and run every test but those of optional models
	@$(if $(ROS_DISTRO),$(MAKE) typecheck test-here,$(call beside,typecheck,test-oldest test-newest); \
	$(call beside,typecheck-newest,test-here))

test-here: rendering ## ... without the matrix, on this environment alone
	@$(call pytest,$(VENV),$(TESTS))

lint: ## ruff: rules and format; hadolint: the Dockerfile
	@scripts/bootstrap.sh test $(VENV)
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@[ ! -x $(VENV)/bin/hadolint ] || $(VENV)/bin/hadolint Dockerfile

# As for Python 3.10 (pyproject.toml), but where the NumPy is one that is described in the syntax of 3.12 and later.
AS_ITSELF := 'import sys; sys.version_info < (3, 12) or print("--python-version=%d.%d" % sys.version_info[:2])'

typecheck: ## mypy, strict
	@scripts/bootstrap.sh ground $(VENV)
	@$(VENV_PYTHON) -m mypy $$($(VENV_PYTHON) -c $(AS_ITSELF)) afss_ros launch scripts docs/conf.py setup.py test examples

# Before 6 GB are installed; a missing Python is the bootstrap's to report.
egl:
	@! command -v $${PYTHON:-python3} > /dev/null || $${PYTHON:-python3} scripts/check_egl.py

rendering: setup
	@$(VENV_PYTHON) -c 'import moderngl; moderngl.create_context(standalone=True, backend="egl").release()' 2> /dev/null || \
	{ echo "error: no EGL context, which the renderer needs; on Debian or Ubuntu: sudo apt install libegl1 libgl1 libgl1-mesa-dri" >&2; exit 1; }

# The main environment has one Python, ROS 2 Jazzy, NumPy 2 and OpenCV 5. What flies must also work with the pair that
# Ubuntu 24.04 has, on the oldest Python that is here, and on the newest with ROS 2 Kilted.
MATRIX_OLDEST := .venv-matrix-oldest
MATRIX_NEWEST := .venv-matrix-newest
NODE_TESTS := --ignore test/nodes/labelling --ignore test/nodes/ground test/nodes test/bags/test_types.py
# Sentences are understood on board; sets of them are built and read on the ground.
REFER_TESTS := $(addprefix test/refer/test_,$(addsuffix .py,denote grammar parse words))
# The tools of the tests hang on none of what differs.
OF_TOOLS := $(addprefix test/test_,domains.py leftovers.py once.py order.py)
ON_BOARD_TESTS := $(NODE_TESTS) test/bags --ignore test/downlink/ground test/downlink test/monitor $(REFER_TESTS) test/run test/sources test/student test/tracking \
	$(filter-out $(OF_TOOLS),$(wildcard test/test_*.py))

# Where ROS is sourced there is one Python and one NumPy: the main environment has tested them.
test-matrix: $(if $(ROS_DISTRO),,test-oldest test-newest typecheck-newest) ## the on-board tests again, on the oldest and the newest Python of this machine

oldest = PYTHON=$$(scripts/pythons.sh 2> /dev/null | sed -n '1s/.* //p') ROS_WHEELS=jazzy OVERRIDE=opencv4 scripts/bootstrap.sh test $(MATRIX_OLDEST)
newest = PYTHON=$$(scripts/pythons.sh 2> /dev/null | sed -n '$$s/.* //p') ROS_WHEELS=kilted scripts/bootstrap.sh test $(MATRIX_NEWEST)

test-oldest: ## ... on the oldest, with NumPy 1.26 and OpenCV 4
	@$(oldest)
	@export AMENT_PREFIX_PATH=$(abspath $(MATRIX_OLDEST)); $(call pytest,$(MATRIX_OLDEST),--ignore test/nodes/test_campaign.py $(ON_BOARD_TESTS))

test-newest: ## ... on the newest, with the wheels of ROS 2 Kilted: what speaks ROS, the rest knows nothing of it
	@$(newest)
	@export AMENT_PREFIX_PATH=$(abspath $(MATRIX_NEWEST)); $(call pytest,$(MATRIX_NEWEST),$(NODE_TESTS))

# Each NumPy describes its types more narrowly, and the newest is not to be had for every Python. What else the main
# environment has, and this one lacks, counts as anything at all: `make typecheck` looks at that.
LACKING := --ignore-missing-imports --no-warn-unused-ignores --no-warn-return-any --allow-subclassing-any \
	--allow-untyped-decorators --allow-any-generics
typecheck-newest: ## mypy again, against the NumPy of the newest Python
	@$(newest)
	@$(VENV_PYTHON) -m mypy --python-executable $(MATRIX_NEWEST)/bin/python --cache-dir .mypy_cache/newest $(LACKING) \
		$$($(MATRIX_NEWEST)/bin/python -c $(AS_ITSELF)) afss_ros launch scripts setup.py test examples

# The demo is real nodes over real Fast DDS, and it fails where one frame is not accounted for.
test-pythons: ## install what flies and play the demo on every Python of this machine, or on one: ONLY=3.12
	@mkdir -p out
	@scripts/pythons.sh | { grep "^$(ONLY)" || true; } | while read -r version python; do \
	    PYTHON=$$python $(MAKE) demo VENV=.venv-python$$version OUT=out/demo-python$$version < /dev/null &> out/demo-python$$version.log \
	        || { tail -n 20 out/demo-python$$version.log; echo "error: make demo failed on Python $$version ($$python)" >&2; exit 1; }; \
	    echo "Python $$version: make demo passed"; \
	done

# Apart, because ultralytics is AGPL-3.0: nobody should get it into the main environment without asking for it.
OPTIONAL_VENV := .venv-optional
OPTIONAL_TESTS := test/distill/families/test_rfdetr.py test/distill/families/test_yolo.py test/teacher/models/test_sam2_native.py test/geo/sam2/test_native.py \
	test/student/providers/test_openvino.py test/refer_training/test_writer.py

.PHONY: environments
environments: setup ## make every environment that CI tests in, which takes the network more than the processor
	@$(if $(ROS_DISTRO),,$(oldest); $(newest))
	@scripts/bootstrap.sh optional $(OPTIONAL_VENV)

test-optional: ## test what is extra (YOLO, RF-DETR, Meta's sam2, OpenVINO, 4 bits) in an environment of their own, as CI does
	@scripts/bootstrap.sh optional $(OPTIONAL_VENV)
	@export AMENT_PREFIX_PATH=$(abspath $(OPTIONAL_VENV)); $(call pytest,$(OPTIONAL_VENV),--no-skips $(OPTIONAL_TESTS))

bench: setup ## how fast student, node, renderer and raster are on this machine, into out/bench.json
	@$(VENV_PYTHON) -m afss_ros.evaluation.benchmark $(ARGS)

# Apart, because it needs nothing else of ours, and half a minute is enough to make it.
SITE_VENV := $(VENV)-site

.PHONY: site picture
site: $(SITE_VENV)/.ready ## build the documentation as a site into out/site, its links checked
	@rm -rf out/site
	@$(SITE_VENV)/bin/python -m sphinx --quiet --fail-on-warning --keep-going --nitpicky --fresh-env \
		--conf-dir docs --doctree-dir $(SITE_VENV)/doctrees . out/site
	@$(SITE_VENV)/bin/python scripts/check_site.py out/site
	@echo "out/site/index.html"

picture: ## draw docs/architecture.svg from the code
	@$(or $(PYTHON),python3) -m scripts.draw_architecture

$(SITE_VENV)/.ready: requirements/docs.txt
	@$(or $(PYTHON),python3) -m venv --clear $(SITE_VENV)
	@touch $(SITE_VENV)/COLCON_IGNORE
	@$(SITE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

setup: ## make or update .venv with everything, for work on this repository
	@scripts/bootstrap.sh ground $(VENV)

lock: ## resolve requirements/*.txt anew (ARGS=--upgrade for newer versions)
	@scripts/bootstrap.sh ground $(VENV)
	@scripts/lock.sh $(ARGS)

campaign: setup ## inject faults into a live node, minutes, and write what became of each into out/campaign; ARGS="--scale 0.1"
	@$(VENV_PYTHON) test/campaign.py $(ARGS)

fuzz: setup ## feed spoilt images, models, recordings and sets to the ways in, ten minutes, into out/fuzz; ARGS="--minutes 60"
	@$(VENV_PYTHON) test/fuzz.py $(ARGS)

evidence: ## write docs/evidence.md: from each promise to the tests that show it
	@$(or $(PYTHON),$(VENV_PYTHON)) -m scripts.evidence $(ARGS)

sbom: ## bills of materials (CycloneDX) of every environment, from the lock files, into out/sbom
	@$(or $(PYTHON),python3) -m scripts.sbom $(ARGS)

clean: ## remove what was made here, but not the environments
	rm -rf out build install log *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find afss_ros launch scripts test -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the virtual environments as well
	rm -rf $(VENV) .venv-kilted $(MATRIX_OLDEST) $(MATRIX_NEWEST) $(OPTIONAL_VENV) .venv-python3.*
	rm -rf $(SITE_VENV)
