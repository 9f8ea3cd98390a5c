# build, install, test, sanitize, check-cluster, check-packages, demo, compare, compare-methods, compare-augmentation, compare-registration, compare-tensorboard, compare-export, format, clean. Each first installs the Debian packages that are missing and checks the Swift version.

# oneDNN and OpenBLAS of one's own, in place of Debian's: ONEDNN=/opt/onednn OPENBLAS=/opt/openblas, folders that hold include and lib or lib64
# (Sources/Kernels/LIBRARIES.md).
CHOSEN := $(abspath $(ONEDNN) $(OPENBLAS))
$(foreach folder,$(CHOSEN),$(if $(wildcard $(folder)/include),,$(error No folder $(folder)/include: name the folder that holds include and lib)))
CHOSEN_LIBRARIES := $(wildcard $(CHOSEN:=/lib) $(CHOSEN:=/lib64))
# Each choice has a build folder of its own, because Swift keeps the compiled headers of the other library when only the path changes.
BUILD := .build$(subst /,-,$(abspath $(ONEDNN))$(abspath $(OPENBLAS)))
PACKAGES := pkg-config gcc g++ openmpi-bin libopenmpi-dev libhdf5-openmpi-dev $(if $(OPENBLAS),,libopenblas-openmp-dev) \
  $(if $(ONEDNN),,libdnnl-dev) libnifti-dev libpng-dev libfontconfig-dev fonts-dejavu-core zlib1g-dev
# What a machine needs that only runs the installed program (Debian 12).
RUN_PACKAGES := openmpi-bin libhdf5-openmpi-103-1 libopenblas0-openmp libdnnl2 libnifti2-2 libpng16-16 libfontconfig1 fonts-dejavu-core zlib1g libgomp1
DEMO_PACKAGES := mricron-data
# SFR+ goes on with the SAM that SFR has fine-tuned.
DEMO_SAM := stages=[re-train] sam.adapters=demo/runs/sfr/sam.safetensors
# What only `make check-cluster` needs besides: a Slurm, and a LAN of network namespaces (skipped where there is no sshd).
CLUSTER_PACKAGES := slurm-wlm munge iproute2 strace time procps
# What `make compare` times against PyTorch: network:D,H,W or network:option=value:D,H,W.
CASES ?= vnet:112,112,80 unet3d:96,96,96 stunet:128,128,128 unet3d:64,64,64
THREADS ?= $(shell nproc)
STEPS ?= 5
ROUNDS ?= 3
SWIFT_FLAGS := -c release --explicit-target-dependency-import-check error $(if $(CHOSEN),--scratch-path $(BUILD)) \
  $(CHOSEN:%=-Xcc -I%/include) $(CHOSEN_LIBRARIES:%=--pkg-config-path %/pkgconfig) \
  $(foreach folder,$(CHOSEN_LIBRARIES),-Xlinker -L$(folder) -Xlinker -rpath -Xlinker $(folder))
COHORT := $(BUILD)/release/cohort
TEMPLATES := /usr/share/mricron/templates
# Open MPI refuses root unless told twice; containers and fresh machines run as root.
export OMPI_ALLOW_RUN_AS_ROOT := 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM := 1
DEMO_RANKS := mpirun --hostfile hostfiles/localhost --oversubscribe -n 2

# $(call install,packages): installs what is missing as root or by sudo; with neither, prints the line to run and stops.
define install
	@missing=""; for p in $(1); do dpkg-query -W -f '$${db:Status-Status}\n' $$p 2>/dev/null | grep -qx installed || missing="$$missing $$p"; done; \
	[ -z "$$missing" ] && exit 0; \
	as_root=; [ "$$(id -u)" = 0 ] || as_root=sudo; \
	if [ -z "$$as_root" ] || command -v sudo >/dev/null 2>&1; then \
	  { $$as_root apt-get update -q || true; } && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing && exit 0; \
	fi; \
	echo "Debian packages are missing. Install them, then make again:"; echo "  sudo apt-get install --no-install-recommends$$missing"; exit 1
	@version=$$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1); set -- $$version; \
	if [ $${1:-0} -lt 6 ] || { [ $$1 -eq 6 ] && [ $$2 -lt 3 ]; }; then \
	  echo "Swift 6.3 or newer is needed, found '$${1:-none}$${2:+.$$2}': install it from https://www.swift.org/install and put swift on the PATH."; exit 1; fi
endef

.PHONY: build install test sanitize cluster-packages check-cluster check-packages demo compare compare-methods compare-augmentation compare-registration compare-tensorboard compare-export format clean

build:
	$(call install,$(PACKAGES))
	swift build $(SWIFT_FLAGS) --product cohort

# One program that needs neither Swift nor this folder any more, with man pages, completions and a module file; DESTDIR stands before PREFIX, as packagers expect.
PREFIX ?= /usr/local
INSTALLED := $(BUILD)-install
SHARE := $(DESTDIR)$(PREFIX)/share
install:
	$(call install,$(PACKAGES) help2man)
	swift build $(SWIFT_FLAGS) --static-swift-stdlib --scratch-path $(INSTALLED) --product cohort
	install -D -m 755 $(INSTALLED)/release/cohort $(DESTDIR)$(PREFIX)/bin/cohort
	for file in bash:bash-completion/completions/cohort zsh:zsh/site-functions/_cohort fish:fish/vendor_completions.d/cohort.fish; do \
	  path=$(SHARE)/$${file#*:} && mkdir -p $${path%/*} && $(SHARE)/../bin/cohort --generate-completion-script $${file%%:*} > $$path || exit 1; done
	mkdir -p $(SHARE)/man/man1
	for page in '' $$($(SHARE)/../bin/cohort --help | awk '/^SUBCOMMANDS/ { on = 1 } on && /^  [a-z]/ { print $$1 }'); do \
	  help2man --no-info --name="$$($(SHARE)/../bin/cohort $$page --help | sed -n '1s/^OVERVIEW: //p')" --version-string="$$($(SHARE)/../bin/cohort --version)" --output=$(SHARE)/man/man1/cohort$${page:+-$$page}.1 \
	    "$(SHARE)/../bin/cohort $$page" || exit 1; done
	version=$$($(SHARE)/../bin/cohort --version | awk '{ print $$2 }') && mkdir -p $(SHARE)/modulefiles/cohort && \
	  sed -e "s|@VERSION@|$$version|g" -e 's|@PREFIX@|$(PREFIX)|g' slurm/packages/modulefile > $(SHARE)/modulefiles/cohort/$$version
	@echo "$(DESTDIR)$(PREFIX)/bin/cohort installed; other machines need these packages: $(RUN_PACKAGES)"

# One test at a time, with threads that sleep while they wait: many start programs of several threads, and two cores are soon too few.
test:
	$(call install,$(PACKAGES))
	swift build $(SWIFT_FLAGS) --build-tests
	@OMP_WAIT_POLICY=passive bash -o pipefail -c 'swift test $(SWIFT_FLAGS) --skip-build --disable-xctest --no-parallel 2>&1 | tee .build/tests.log' || \
	  { echo; echo "What failed (.build/tests.log has the whole):"; grep '✘' .build/tests.log; exit 1; }

# Tests and runs with AddressSanitizer, and runs with ThreadSanitizer, in build folders of their own. Open MPI keeps its hands off malloc meanwhile
# (memory_patcher), and what it never frees does not count.
SANITIZED_TESTS := KernelsTests|TensorsTests|LearningTests|NetworksTests|ClusterTests|FilesTests|TrainingTests
sanitize:
	$(call install,$(PACKAGES))
	swift build $(SWIFT_FLAGS) --sanitize address --scratch-path .build-address --build-tests
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 OMP_WAIT_POLICY=passive swift test $(SWIFT_FLAGS) --sanitize address --scratch-path .build-address --skip-build --disable-xctest \
	  --no-parallel --filter '$(SANITIZED_TESTS)'
	BUILD=.build-address bash Tests/checks/sanitized-runs.bash
	swift build $(SWIFT_FLAGS) --sanitize thread --scratch-path .build-thread --product cohort
	BUILD=.build-thread bash Tests/checks/sanitized-runs.bash

cluster-packages:
	$(call install,$(CLUSTER_PACKAGES))

# What takes minutes or needs root: jobs killed hundreds of times, a real Slurm and a LAN on this machine, made for the purpose and taken down
# afterwards.
check-cluster: build cluster-packages
	@for check in Tests/checks/*.sh; do echo "== $$check"; bash $$check || exit 1; done

# The module file, the container definition, the easyconfig and the Spack package, each loaded by its own tool as far as it can be had. Needs root.
check-packages:
	$(call install,$(PACKAGES) help2man environment-modules debootstrap)
	bash Tests/checks/packages.bash

# A cohort of 16 subjects from one labelled brain, 2 of them labelled; supervised training, ReLiF with the demo prior, SFR and SFR+ with the demo SAM,
# which SFR+ takes over as SFR has fine-tuned it, on 2 ranks; scores and pictures.
demo: build
	$(call install,$(DEMO_PACKAGES))
	rm -rf demo
	$(COHORT) synthesize --output demo/raw --subjects 16 --labelled 2 --seed 7 --spacing 2 \
	  --template $(TEMPLATES)/ch2.nii.gz --labels $(TEMPLATES)/aal.nii.gz --classes 77+78,73+74,71+72,37+38
	$(COHORT) prepare demo/raw --output demo/prepared
	for run in relif:demo-relif supervised:demo-supervised sfr:sfr-mean-teacher sfr-plus:sfr-plus-mean-teacher; do \
	  name=$${run%:*} && $(COHORT) recipes $${run#*:} > demo/$$name.yaml && \
	  $(DEMO_RANKS) $(COHORT) train demo/$$name.yaml $$([ $$name != sfr-plus ] || echo $(DEMO_SAM)) && \
	  $(DEMO_RANKS) $(COHORT) predict --checkpoint demo/runs/$$name --input demo/raw/imagesTs --output demo/predictions/$$name \
	    --references demo/raw/labelsTs && \
	  $(COHORT) evaluate --predictions demo/predictions/$$name --references demo/raw/labelsTs > demo/$$name.txt || exit 1; \
	done
	for name in supervised relif sfr sfr-plus; do echo; echo "Test subjects, $$name:"; cat demo/$$name.txt; done
	@row() { printf '  %-12s %s  %s\n' $$2 "$$(awk '/^mean .*all classes/ { print $$4 }' demo/$$1.txt)" "$$3"; }; \
	  echo; echo "Mean Dice of the 4 test subjects, and what was run:"; \
	  row supervised supervised "500 steps on 2 labelled subjects"; \
	  row relif ReLiF-3D "500 steps on these and 10 unlabelled ones, with the demo prior"; \
	  row sfr SFR "500 steps of the demo SAM, then 300 of a student on its labels as well"; \
	  row sfr-plus SFR+ "from that SAM on, 300 steps of a student and 75 of SAM in turns"
	$(COHORT) report compare --images demo/raw/imagesTs --references demo/raw/labelsTs --output demo/pictures \
	  --predictions supervised=demo/predictions/supervised --predictions ReLiF-3D=demo/predictions/relif
	@echo; echo "Pictures of image, reference and both predictions: demo/pictures/*.png"

# Training steps of PyTorch and Cohort in turn, as a table: about an hour, and 5 GB of disk for PyTorch. `make compare LEAN=1` adds lines for
# --memory lean.
compare: build
	$(if $(shell python3 -c 'import venv, ensurepip' 2>/dev/null && echo found),,$(call install,python3 python3-venv))
	[ -x compare/venv/bin/python ] || python3 -m venv compare/venv
	compare/venv/bin/python -m pip install --quiet "torch==2.15.*" numpy
	compare/venv/bin/python -m unittest discover --start-directory Tests/Yardstick --pattern '*_test.py'
	compare/venv/bin/python Tests/Yardstick/compare.py $(CASES) --python compare/venv/bin/python --cohort $(COHORT) \
	  --threads $(THREADS) --steps $(STEPS) --rounds $(ROUNDS) $(if $(LEAN),--lean) --output compare/table.md

# Methods on drawn labelled sets of a data set, as tables (Sources/Comparison/README.md): DATA=FOLDER in nnU-Net's layout, or packs. Started again, it goes on.
LABELS ?= 1,2,5
METHODS ?= supervised,mean-teacher,supervised+registration
SEEDS ?= 1,2,3
OUTPUT ?= compare/methods
compare-methods: build
	$(if $(DATA),,$(error Name the data: make compare-methods DATA=FOLDER LABELS=$(LABELS) METHODS=$(METHODS) SEEDS=$(SEEDS)))
	$(if $(RANKS),OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} mpirun --oversubscribe --bind-to none -n $(RANKS)) $(COHORT) compare-methods $(DATA) \
	  --output $(OUTPUT) --labels $(LABELS) --methods $(METHODS) --seeds $(SEEDS) $(if $(filter command% environment,$(origin STEPS)),--steps $(STEPS)) \
	  $(if $(PATCH),--patch $(PATCH)) $(if $(ON),--on $(ON)) $(KEYS)

# nnU-Net's augmentation by batchgeneratorsv2 and here, on the same sizes of crops, in turn on one thread: some minutes, and 5 GB of disk for PyTorch.
CROPS ?= 200
compare-augmentation: build
	$(if $(shell python3 -c 'import venv, ensurepip' 2>/dev/null && echo found),,$(call install,python3 python3-venv))
	[ -x compare/venv/bin/python ] || python3 -m venv compare/venv
	compare/venv/bin/python -m pip install --quiet "torch==2.15.*" "batchgeneratorsv2==0.3.6" numpy
	for sides in 64,102 128,205; do patch=$${sides%,*}; around=$${sides#*,}; \
	  compare/venv/bin/python Tests/Yardstick/augmentation.py --patch $$patch,$$patch,$$patch \
	    --enlarged $$around,$$around,$$around --crops $(CROPS) && \
	  $(COHORT) bench augment --patch $$patch,$$patch,$$patch --crops $(CROPS) --threads 1 || exit 1; done

# Labels carried from volume to volume by SimpleITK and here, on the same pairs, on one thread, as a table: DATASET=FOLDER with labelled volumes in
# nnU-Net's raw layout, else a generated cohort.
DATASET ?= compare/registration-raw
PAIRS ?= 30
compare-registration: build
	$(if $(shell python3 -c 'import venv, ensurepip' 2>/dev/null && echo found),,$(call install,python3 python3-venv))
	[ -x compare/venv/bin/python ] || python3 -m venv compare/venv
	compare/venv/bin/python -m pip install --quiet "SimpleITK==2.5.*" numpy
	[ -d $(DATASET) ] || $(COHORT) synthesize --output $(DATASET) --subjects 24 --labelled 24 --seed 5 --spacing 2
	$(COHORT) bench registration --dataset $(DATASET) --pairs $(PAIRS) --threads 1 --json > compare/registration.json
	compare/venv/bin/python Tests/Yardstick/registration.py compare/registration.json --dataset $(DATASET)

# Event files of a run that is killed twice, read by TensorBoard: points counted, numbers compared with metrics.jsonl. A minute.
compare-tensorboard: build
	$(if $(shell python3 -c 'import venv, ensurepip' 2>/dev/null && echo found),,$(call install,python3 python3-venv))
	[ -x compare/venv/bin/python ] || python3 -m venv compare/venv
	compare/venv/bin/python -m pip install --quiet "tensorboard==2.21.*"
	compare/venv/bin/python Tests/Yardstick/event_files.py --cohort $(COHORT) --output compare/tensorboard

# What `cohort checkpoint export` writes, opened by onnxruntime, PyTorch, nnU-Net, safetensors and MONAI: some minutes, and 6 GB of disk for PyTorch.
compare-export: build
	$(if $(shell python3 -c 'import venv, ensurepip' 2>/dev/null && echo found),,$(call install,python3 python3-venv))
	[ -x compare/venv/bin/python ] || python3 -m venv compare/venv
	compare/venv/bin/python -m pip install --quiet "torch==2.15.*" "monai==1.6.*" "onnx==1.23.*" "onnxruntime==1.32.*" "safetensors==0.8.*" \
	  "dynamic-network-architectures==0.4.*" pytorch-ignite nibabel scipy numpy fire
	rm -rf compare/export
	compare/venv/bin/python Tests/Yardstick/export.py --cohort $(COHORT)

format:
	swift format --in-place --recursive Sources Tests Package.swift

clean:
	rm -rf $(BUILD) .build-address .build-thread demo compare tutorial
