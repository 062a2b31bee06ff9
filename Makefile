# `make demo` and `make test` work on a fresh clone; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV ?= .venv
VENV_PYTHON := $(VENV)/bin/python
SOURCE ?=
OUT ?= out/demo
TESTS ?= test
ARGS ?=

# The wheels' share/ is an ament prefix; a prefix that is sourced already comes first.
export AMENT_PREFIX_PATH := $(if $(AMENT_PREFIX_PATH),$(AMENT_PREFIX_PATH):)$(abspath $(VENV))
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST
# Keeps large images from being lost between processes: see docs/ros.md.
export FASTRTPS_DEFAULT_PROFILES_FILE ?= $(abspath config/fastdds.xml)

.PHONY: help demo label-demo test lint typecheck rendering test-matrix test-optional bench setup lock clean distclean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name text; do printf '  \033[1mmake %-13s\033[0m %s\n' "$$name" "$$text"; done

demo: ## play the demo bag, or SOURCE=images|video|bag, through the perception node into out/demo
	@scripts/bootstrap.sh onboard $(VENV)
	@$(VENV_PYTHON) -m afss_ros.nodes.demo $(if $(SOURCE),--source "$(SOURCE)") --out "$(OUT)" $(ARGS)

label-demo: ## label the demo bag offline, with the shipped student as teacher, into out/label-demo; look at its report.html
	@scripts/bootstrap.sh ground $(VENV)
	@$(VENV_PYTHON) -m afss_ros.cli label demo/demo.mcap --config config/label_student.yaml --seconds 0.2 --out out/label-demo $(ARGS)

test: setup rendering lint typecheck ## lint, type-check and run every test but those of optional models
	@$(MAKE) test-matrix
	@$(VENV_PYTHON) -m pytest $(TESTS) $(ARGS)

lint: ## ruff: rules and format; hadolint: the Dockerfile
	@scripts/bootstrap.sh test $(VENV)
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@[ ! -x $(VENV)/bin/hadolint ] || $(VENV)/bin/hadolint Dockerfile

typecheck: ## mypy, strict
	@scripts/bootstrap.sh ground $(VENV)
	@$(VENV_PYTHON) -m mypy afss_ros launch scripts docs/conf.py setup.py test

rendering: setup
	@$(VENV_PYTHON) -c 'import moderngl; moderngl.create_context(standalone=True, backend="egl").release()' 2> /dev/null || \
	{ echo "error: no EGL context, which the renderer needs; on Debian or Ubuntu: sudo apt install libegl1 libgl1-mesa-dri" >&2; exit 1; }

# The main environment has NumPy 2 and OpenCV 5; what flies must also work with the older pair.
MATRIX_VENV := $(VENV)-opencv4-numpy1
ON_BOARD_TESTS := --ignore test/nodes/labelling test/bags test/nodes test/run test/sources test/student $(wildcard test/test_*.py)

test-matrix: ## the on-board tests again, under NumPy 1.26 and OpenCV 4
	@OVERRIDE=opencv4-numpy1 scripts/bootstrap.sh test $(MATRIX_VENV)
	@AMENT_PREFIX_PATH=$(abspath $(MATRIX_VENV)) $(MATRIX_VENV)/bin/python -m pytest $(ON_BOARD_TESTS) $(ARGS)

# Apart, because ultralytics is AGPL-3.0: nobody should get it into the main environment without asking for it.
OPTIONAL_VENV := $(VENV)-optional
OPTIONAL_TESTS := test/distill/families/test_rfdetr.py test/distill/families/test_yolo.py test/teacher/models/test_sam2_native.py

test-optional: ## test the models that are extras (YOLO, RF-DETR, Meta's sam2) in an environment of their own, as CI does
	@scripts/bootstrap.sh optional $(OPTIONAL_VENV)
	@AMENT_PREFIX_PATH=$(abspath $(OPTIONAL_VENV)) $(OPTIONAL_VENV)/bin/python -m pytest --no-skips $(OPTIONAL_TESTS) $(ARGS)

bench: setup ## how fast student, node and renderer are on this machine, into out/bench.json
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
	@$(SITE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

setup: ## make or update .venv with everything, for work on this repository
	@scripts/bootstrap.sh ground $(VENV)

lock: ## resolve requirements/*.txt anew (ARGS=--upgrade for newer versions)
	@scripts/bootstrap.sh ground $(VENV)
	@scripts/lock.sh $(ARGS)

clean: ## remove what was made here, but not the environments
	rm -rf out build install log *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find afss_ros launch scripts test -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the virtual environments as well
	rm -rf $(VENV) $(MATRIX_VENV) $(OPTIONAL_VENV)
	rm -rf $(SITE_VENV)
