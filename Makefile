# Every habit of this repository. `make help` lists them; .ci/run runs what CI runs.

CACHE := $(if $(DRAGOMAN_CACHE),$(DRAGOMAN_CACHE),$(CURDIR)/.cache)
PYTHON := $(CACHE)/env/controller/bin/python
EXPORT_PYTHON := $(CACHE)/env/export/bin/python
DRAGOMAN := $(CACHE)/env/controller/bin/dragoman
SETUP := python3 -m export.setup

# Nothing of ours phones home; nothing of the user's own packages leaks in; this checkout is the one that runs.
export ORT_DISABLE_TELEMETRY := 1
export PYTHONNOUSERSITE := 1
export PYTHONPATH := $(CURDIR)
export DRAGOMAN_CACHE := $(CACHE)
export REQUIRE

# A call with the user's own recordings, languages or engines; unset means the packaged demo.
DEMO_OPTIONS = $(if $(CALLER),--caller "$(CALLER)") $(if $(CALLEE),--callee "$(CALLEE)") \
	$(if $(FROM),--from "$(FROM)") $(if $(TO),--to "$(TO)") \
	$(if $(TTS),--tts "$(TTS)") $(if $(STT),--stt "$(STT)") $(if $(MT),--mt "$(MT)")

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-images test-xtts parity-xtts golden-xtts parity-encoders golden-encoders check lock \
	doctor scenarios dashboards \
	bench-call bench-frames bench-xtts bench-tts-server bench-encoders bench-voices bench-engines loadtest \
	reference-env tour clean
.DELETE_ON_ERROR:

help: ## This list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do \
		printf '  make %-14s %s\n' "$$name" "$$what"; done

setup: ## Get everything into the cache folder (.cache, or $DRAGOMAN_CACHE): no root; 450 MB for the demo, 30 for checks
	@$(SETUP) all

# The dictionary that XTTS speaks Japanese with: 57 MB for those who do.
DEMO_DICTIONARY = $(if $(filter xtts_v2,$(TTS)),$(if $(filter ja%,$(FROM) $(TO)),japanese-triton))

demo: ## A real call, English <-> Spanish, offline. CALLER= CALLEE= (WAV) FROM= TO= STT= MT= TTS= change it
	@$(SETUP) demo $(DEMO_DICTIONARY)
	@$(DRAGOMAN) export offline --out model_repository
	@$(DRAGOMAN) demo --report build/demo $(DEMO_OPTIONS)

# XTTS and the encoders run on what the controller's environment does not have; PYTEST=... alone picks among the others.
EXPORTED = tests/xtts tests/encoders
PYTEST_XTTS = $(EXPORT_PYTHON) -m pytest --confcutdir tests/xtts --junitxml build/test/junit-xtts.xml
PYTEST_XTTS_LIVE = $(PYTEST_XTTS:junit-xtts.xml=junit-parity-xtts.xml) -rP

test: ## Every test; what is missing here is skipped, unless REQUIRE=asterisk,triton,offline,xtts
	@$(SETUP) test --keep-going
	@$(DRAGOMAN) export offline --out model_repository || [ -z "$(REQUIRE)" ]
	@mkdir -p build/test
	@failed=0; \
	$(PYTHON) -m pytest --junitxml build/test/junit.xml $(if $(PYTEST),$(PYTEST),--ignore tests/scenarios) || failed=$$?; \
	if [ -n "$(PYTEST)" ]; then exit $$failed; fi; \
	echo "Calls on the real Asterisk, in lanes side by side:"; $(PYTHON) -m tests.scenarios || failed=$$?; \
	if [ -x $(EXPORT_PYTHON) ]; then \
		echo "What runs exported models, in its own environment:"; $(PYTEST_XTTS) $(EXPORTED) || failed=$$?; \
	else echo "Left out: the tests of exported models ($(EXPORTED)), whose environment $(EXPORT_PYTHON) is not there."; \
		case ",$(REQUIRE)," in *,xtts,*) failed=1;; esac; fi; exit $$failed

# Half a gigabyte is fetched, and each image is made anew.
test-images: ## RUN steps of each Dockerfile in a bare Debian made without root, then a call through what they start (10 minutes)
	@$(SETUP) env-controller dev images proot phone prompts
	@mkdir -p build/test
	@REQUIRE=images $(PYTHON) -m pytest --junitxml build/test/junit-images.xml -rP tests/images tests/unit/test_images.py

test-xtts: ## The tests of XTTS's parts and of the encoders of speakers alone
	@$(SETUP) env-export
	@mkdir -p build/test
	@$(PYTEST_XTTS) $(if $(PYTEST),$(PYTEST),$(EXPORTED))

parity-xtts: ## XTTS's parts against coqui-tts, asked anew: tiny models, texts, and one of the full size (minutes)
	@$(SETUP) env-export env-coqui-tts japanese japanese-coqui-tts
	@mkdir -p build/test
	@XTTS_REFERENCE=live $(PYTEST_XTTS_LIVE) $(if $(PYTEST),$(PYTEST),tests/xtts/test_parity.py tests/xtts/test_live.py)

golden-xtts: ## Ask coqui-tts anew for the answers that the tests of XTTS's parts compare with
	@$(SETUP) env-export env-coqui-tts japanese-coqui-tts
	@$(EXPORT_PYTHON) -m tests.xtts.asking

parity-encoders: ## ECAPA against speechbrain, CAM++ against 3D-Speaker and Kaldi, asked anew (a minute)
	@$(SETUP) env-export env-speechbrain campplus
	@mkdir -p build/test
	@ENCODERS_REFERENCE=live $(PYTEST_XTTS:junit-xtts.xml=junit-parity-encoders.xml) -rP \
		tests/encoders/test_parity.py tests/encoders/test_live.py

golden-encoders: ## Ask them anew for the answers that the tests of the encoders compare with
	@$(SETUP) env-export env-speechbrain campplus
	@$(EXPORT_PYTHON) -m tests.encoders.asking

check: ## Lint, format, types, and whether docs/configuration.md and docs/api.md tell what is so
	@$(SETUP) check
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	@$(PYTHON) -m controller.settings_reference | cmp -s - docs/configuration.md || { \
		echo "docs/configuration.md differs from the settings: run" \
			"'$(PYTHON) -m controller.settings_reference >docs/configuration.md'." >&2; exit 1; }
	@$(PYTHON) -m controller.api.reference | cmp -s - docs/api.md || { \
		echo "docs/api.md differs from the API: run" \
			"'$(PYTHON) -m controller.api.reference >docs/api.md'." >&2; exit 1; }

dashboards: ## Write docker/grafana/dashboards anew from controller/dashboards
	@$(PYTHON) -m controller.dashboards docker/grafana/dashboards

scenarios: ## Calls on the real Asterisk: TIMES=n repeats them, ONLY=name picks one
	@$(SETUP) test
	@$(DRAGOMAN) export offline --out model_repository
	@mkdir -p build/test
	@TIMES="$(TIMES)" ONLY="$(ONLY)" $(PYTHON) -m tests.scenarios

bench-call: ## Lag and word error rates of real calls, from their recordings (half an hour). SEED=n PARTS= CLAUSES=n LINE=g722 PHRASEBOOK=off
	@$(SETUP) demo
	@$(DRAGOMAN) export offline --out model_repository
	@SEED="$(SEED)" PARTS="$(PARTS)" CLAUSES="$(CLAUSES)" LINE="$(LINE)" PHRASEBOOK="$(PHRASEBOOK)" $(PYTHON) -m loadtest.call

bench-frames: ## What a frame costs: real web sockets, pass-through beside pipecat, a scrape (8 minutes)
	@$(SETUP) env-controller prompts env-pipecat
	@$(PYTHON) -m loadtest.frames --out build/bench/frames.json

bench-xtts: ## XTTS's parts beside coqui-tts, full size, same structural weights (10 minutes)
	@$(SETUP) env-controller env-export env-coqui-tts
	@$(PYTHON) -m loadtest.xtts --out build/bench/xtts.json

bench-encoders: ## Encoders of speakers beside speechbrain: CPU a clip, and the same vectors (4 minutes)
	@$(SETUP) env-controller env-export env-speechbrain
	@$(PYTHON) -m loadtest.encoders --out build/bench/encoders.json

bench-engines: ## CPU of streams to Deepgram, against a scripted stand-in (a minute)
	@$(SETUP) env-controller
	@$(PYTHON) -m loadtest.engines --out build/bench/engines.json

# On a GPU, or at a server that runs already, there is nothing of coqui-tts to be compared with.
bench-tts-server: ## XTTS on the real Triton beside coqui-tts's stream (10 minutes). ROUNDS= STREAMS=1,4 PROVIDER=cuda URL=host:port
	@$(SETUP) env-controller $(if $(URL),,python triton-server env-triton env-export) \
		$(if $(URL)$(filter-out cpu,$(PROVIDER)),,env-coqui-tts)
	@$(PYTHON) -m loadtest.tts_server --out build/bench/tts-server.json \
		$(if $(ROUNDS),--rounds "$(ROUNDS)") $(if $(STREAMS),--streams "$(STREAMS)") $(if $(SIZE),--size "$(SIZE)") \
		$(if $(PRECISIONS),--precisions "$(PRECISIONS)") $(if $(PROVIDER),--provider "$(PROVIDER)") \
		$(if $(URL),--url "$(URL)") $(if $(METRICS),--metrics "$(METRICS)") $(if $(VOICE),--voice "$(VOICE)")

bench-voices: ## Error rates of speakers and styles on packaged recordings; trains the style network twice (20 minutes)
	@$(SETUP) env-controller env-export env-training recordings campplus
	@$(PYTHON) -m loadtest.voices --out build/bench/voices.json

# By default every target, by steps of its own, until it breaks: tens of minutes. A look: FIRST=2 BY=2 MOST=4 HOLD=5 LEAST=1
loadtest: ## Calls and Triton's models, loaded until they break. TARGETS=scripted,offline,legs FIRST= BY= MOST= HOLD= TRITON=
	@$(SETUP) demo env-loadtest sipp
	@$(DRAGOMAN) export offline --out model_repository
	@$(PYTHON) -m loadtest.capacity --out build/loadtest $(if $(TARGETS),--targets "$(TARGETS)") \
		$(if $(FIRST),--first "$(FIRST)") $(if $(BY),--by "$(BY)") $(if $(MOST),--most "$(MOST)") \
		$(if $(HOLD),--hold "$(HOLD)") $(if $(SETTLE),--settle "$(SETTLE)") $(if $(LEAST),--least "$(LEAST)") \
		$(if $(TRITON),--triton "$(TRITON)") $(if $(METRICS),--metrics "$(METRICS)")

reference-env: ## What benches compare with, each in an environment of its own: PEER=pipecat, coqui-tts, speechbrain, or all
	@$(SETUP) $(if $(PEER),$(addprefix env-,$(PEER)) $(if $(filter coqui-tts,$(PEER)),japanese-coqui-tts),peers)

doctor: ## What is installed, what is missing, what to do about it
	@$(SETUP) env-controller --keep-going
	@$(DRAGOMAN) doctor

tour: ## The tour of docs/quick-start.md, run and recorded anew: docs/tour.cast (two minutes)
	@$(SETUP) demo
	@$(PYTHON) -m tests.tour

lock: ## Pin the requirements anew from pyproject.toml (needs uv)
	@python3 -m export.setup.pins

clean: ## Remove build/ and what the checkers keep; the cache folder stays
	@rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis
