# make help lists the targets.
ifeq ($(origin CC),default)
CC       := gcc
endif
BUILD    ?= build
PREFIX   ?= /usr/local
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
OPT      ?= $(if $(COVERAGE),-Og -g,$(if $(SAN),-O1 -g,-O3 -g))
packages := hwloc jansson ompi-c
includes := $(shell pkg-config --cflags $(packages) 2>/dev/null | sed 's/-I/-isystem /g')
libs     := $(shell pkg-config --libs $(packages) 2>/dev/null)
# SAN=address,undefined or SAN=thread; COVERAGE=1: each wants a BUILD folder of its own.
instrument := $(SAN:%=-fsanitize=% -fno-sanitize-recover=all -fno-omit-frame-pointer) \
              $(COVERAGE:%=--coverage -fprofile-update=atomic)
CFLAGS   += -std=gnu11 $(OPT) $(WARN) $(instrument) -pthread
CPPFLAGS += -I. -D_GNU_SOURCE -MMD -MP $(includes)
LDFLAGS  += $(instrument) -pthread
LDLIBS   += $(libs) -lm -ldl

# RDMA wants the headers of libibverbs; the library itself is opened at run time. VERBS= leaves it out.
ifeq ($(origin VERBS),undefined)
VERBS    := $(shell pkg-config --exists libibverbs 2>/dev/null && echo yes)
endif
CPPFLAGS += $(VERBS:yes=-DRB_VERBS)
without  := $(if $(VERBS),,collectives/transport/verbs%.c tests/collectives_verbs%.c tests/gpu_verbs%.c)

# No compiler of C nor sanitizer changes the kernels: builds may share them.
CUDA_BUILD ?= $(BUILD)
# The GPU parts want nvcc 12 or newer and a C++ compiler for its host half (docs/build.md). CUDA= leaves them out.
path     := $(subst :, ,$(PATH))
comma    := ,
ifeq ($(origin CUDA)$(CUDA),command line)
no_cuda  := CUDA= was given
else
CUDA_PLACES ?= $(path) $(CUDA_HOME:%=%/bin) /usr/local/cuda/bin
NVCC     ?= $(firstword $(wildcard $(addsuffix /nvcc,$(abspath $(BUILD)/cuda/bin $(BUILD)/../cuda/bin) $(CUDA_PLACES))))
nvcc_version := $(if $(NVCC),$(shell $(NVCC) --version | sed -n 's/.*, V//p'))
no_cuda  := $(if $(NVCC),,no nvcc here ("make cuda" brings one))
no_cuda  += $(if $(filter 7.% 8.% 9.% 10.% 11.%,$(nvcc_version)),$(NVCC) $(nvcc_version) is older than 12)
no_cuda  += $(if $(NVCC_CCBIN)$(wildcard $(addsuffix /g++,$(path))),,$(NVCC:%=no g++ for the host half of %))
endif
cuda     := $(if $(strip $(no_cuda)),,yes)
ifeq ($(cuda),yes)
ifeq ($(origin CUDA_ARCHS),undefined) # all from 70 up, without the variants (90a, 100f) of one chip; the newest as PTX too
CUDA_ARCHS := $(shell $(NVCC) --list-gpu-code | sed -n 's/^sm_\([0-9]*\)$$/\1/p' | sort -n | awk '$$1 >= 70')
endif
newest   := $(lastword $(CUDA_ARCHS))
nvcc_flags := -std=c++20 -O3 -I. -Werror all-warnings -Wno-deprecated-gpu-targets -Xptxas -v --threads 0 \
              -Xcompiler -Wall,-Wextra,-Wshadow,-fno-exceptions,-fno-rtti,-fno-threadsafe-statics,-pthread \
              $(foreach a,$(CUDA_ARCHS),-gencode arch=compute_$(a),code=sm_$(a)) \
              -gencode arch=compute_$(newest),code=compute_$(newest) $(NVCCFLAGS)
gpu      := $(NVCC) $(nvcc_version) for $(CUDA_ARCHS:%=sm_%)
nvcc_root := $(abspath $(dir $(realpath $(NVCC)))/..)
cudart   := $(firstword $(wildcard $(addsuffix /libcudart_static.a,$(addprefix $(nvcc_root)/,lib64 lib targets/*/lib lib/*-linux-gnu))))
CPPFLAGS += -DRB_CUDA
LDLIBS   += $(or $(cudart),-lcudart_static) -lrt -lpthread
LDFLAGS  += $(addprefix -Wl$(comma)-rpath$(comma),$(abspath $(dir $(cudart)))) # the NCCL and cuBLAS of this toolkit are found
without  += collectives/device/gpu_none.c
else
gpu      := left out: $(strip $(no_cuda))
endif

# A faster player of traces for SimGrid wants g++ and the headers of 3.32, whose interface it is written for. SIMGRID= leaves it out.
ifeq ($(origin SIMGRID),undefined)
SIMGRID  := $(and $(shell pkg-config --exists 'simgrid >= 3.32 simgrid < 3.33' 2>/dev/null && echo yes),$(wildcard $(addsuffix /g++,$(path))),yes)
endif
player   := $(SIMGRID:yes=$(BUILD)/ringbench-simgrid)

# Each folder is an archive; a lower one never needs a higher one.
folders     := core topo collectives report scale workload bench
core_dirs   := core
topo_dirs   := topo
collectives_dirs := collectives collectives/algorithms collectives/transport collectives/device collectives/baseline
report_dirs := report
scale_dirs  := scale
workload_dirs := workload
bench_dirs  := bench
sources      = $(filter-out bench/main.c $(without),$(wildcard $(addsuffix /*.c,$($(1)_dirs))))
kernels     := $(if $(cuda),$(wildcard collectives/device/*.cu))
objects      = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1))) $(patsubst %,$(CUDA_BUILD)/%.o,$(filter $(1)/%,$(kernels)))
archive      = $(1:%=$(BUILD)/lib%.a)
all_archives := $(call archive,bench workload scale report collectives topo core)

# A test named FOLDER_x.c links that folder and those below it.
libs_core        := core
libs_topo        := topo core
libs_collectives := collectives topo core
libs_report      := report core
libs_scale       := scale report collectives topo core
libs_workload    := workload scale report collectives topo core
libs_bench       := bench workload scale report collectives topo core
tests      := $(patsubst tests/%.c,$(BUILD)/tests/%,$(filter-out $(without),$(wildcard $(addprefix tests/,$(addsuffix _*.c,$(folders))))))

# Tests of the GPU path link GPUs that are threads of the host, in the place of CUDA.
gpu_tests  := $(patsubst tests/%.c,$(BUILD)/tests/%,$(filter-out $(without),$(wildcard tests/gpu_*.c)))
tests      += $(gpu_tests)
cxx        := $(if $(findstring clang,$(CC)),clang++,g++)
cxxflags   := -std=c++20 $(OPT) -Wall -Wextra -Wpedantic -Wshadow -Werror $(instrument) -pthread -fno-exceptions -fno-rtti

# What ThreadSanitizer can see: ranks as threads, and the ground floor.
tsan_tests := $(filter %_threads $(BUILD)/tests/core_%,$(tests))
programs   := $(wildcard tests/*.sh)

all: ringbench ## build ./ringbench (the default)

ringbench: $(BUILD)/ringbench $(player)
	cp -f $^ .

$(BUILD)/ringbench: $(BUILD)/bench/main.o $(all_archives) | $(CUDA_BUILD)/nvcc.flags
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/ringbench-simgrid: scale/simgrid_player.cc
	@mkdir -p $(@D)
	@echo "  C++ $@"
	@g++ -std=c++17 -O3 -Wall -Wextra -Wpedantic -Wshadow -Werror -o $@ $< $(shell pkg-config --cflags --libs simgrid)

# Other flags or another compiler: everything is compiled again.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(CFLAGS)' >$@

$(BUILD)/%.o: %.c $(BUILD)/flags $(if $(libs),,missing)
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/%.o: %.cc $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  C++ $<"
	@$(cxx) $(CPPFLAGS) $(cxxflags) -c -o $@ $<

$(gpu_tests): %: %.o $(BUILD)/tests/line_buffer.o $(BUILD)/tests/gpu/simulated_gpu.o $(all_archives)
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

# The kernels' arithmetic thread by thread, as it is and with a fault planted into a copy of its text.
leaf_headers := collectives/device/packs.h collectives/device/lines.h
leaf_plants  := $(patsubst tests/gpu/plants/%.sed,$(BUILD)/tests/gpu/leaves_%.o,$(wildcard tests/gpu/plants/*.sed))
$(BUILD)/tests/gpu_leaves: $(BUILD)/tests/gpu/leaves.o $(leaf_plants)

$(leaf_plants): $(BUILD)/tests/gpu/leaves_%.o: tests/gpu/leaves.cc tests/gpu/plants/%.sed tests/gpu/hooks_host.h $(leaf_headers) $(BUILD)/flags
	@mkdir -p $(@:.o=)/collectives/device
	@echo "  C++ $< with the fault \"$*\""
	@for h in $(leaf_headers); do sed -f tests/gpu/plants/$*.sed $$h >$(@:.o=)/$$h; done
	@! { $(foreach h,$(leaf_headers),cmp -s $(h) $(@:.o=)/$(h) &&) echo "tests/gpu/plants/$*.sed changes nothing"; }
	@$(cxx) -I$(@:.o=) -DLEAVES=leaves_$* -DLEAVES_FEW $(CPPFLAGS) $(cxxflags) -c -o $@ $<

# The control flow of kernels for a race detector, likewise; "none" plants nothing.
race_headers := collectives/device/channel.h tests/gpu/hooks_host.h
race_plants  := $(patsubst tests/gpu/races/%.sed,$(BUILD)/tests/races_%,$(wildcard tests/gpu/races/*.sed))
$(race_plants): $(BUILD)/tests/races_%: $(BUILD)/tests/gpu/races.o tests/gpu/simulated_gpu.cc tests/gpu/races/%.sed $(race_headers) $(call archive,collectives topo core)
	@mkdir -p $(addprefix $@.d/,$(dir $(race_headers)))
	@echo "  LD  $@"
	@for h in $(race_headers); do sed -f tests/gpu/races/$*.sed $$h >$@.d/$$h; done
	@[ $* = none ] || ! { $(foreach h,$(race_headers),cmp -s $(h) $@.d/$(h) &&) echo "tests/gpu/races/$*.sed changes nothing"; }
	@$(cxx) -I$@.d $(filter-out -MMD -MP,$(CPPFLAGS)) $(cxxflags) -c -o $@.o tests/gpu/simulated_gpu.cc
	@$(CC) $(LDFLAGS) -o $@ $< $@.o $(filter %.a,$^) $(LDLIBS)

$(BUILD)/ringbench-simulated-gpu: $(BUILD)/bench/main.o $(BUILD)/tests/gpu/simulated_gpu.o $(all_archives)
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Which nvcc, said once; the kernels are compiled again when it, its flags or the architectures change. What ptxas says of
# registers stays in the log, the machine code of each architecture beside it: tests/cuda_gates.sh reads both.
$(CUDA_BUILD)/nvcc.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(gpu) $(nvcc_flags)' | cmp -s - $@ || { echo '  GPU $(gpu)'; echo '$(gpu) $(nvcc_flags)' >$@; }

$(CUDA_BUILD)/%.cu.o: %.cu $(CUDA_BUILD)/nvcc.flags
	@rm -rf $(@:.o=.parts) && mkdir -p $(@:.o=.parts)
	@echo "  NVCC  $<"
	@$(NVCC) $(nvcc_flags) -MMD -MP -MT $@ -MF $(@:.o=.d) --keep --keep-dir $(@:.o=.parts) -c -o $@ $< >$(@:.o=.log) 2>&1 || \
	    { grep -v '^ptxas info\|bytes stack frame' $(@:.o=.log); exit 1; }
	@find $(@:.o=.parts) -type f ! -name '*.cubin' -delete

define folder_rules
$(BUILD)/lib$(1).a: $$(call objects,$(1))
	@rm -f $$@
	@ar rcs $$@ $$^
$(BUILD)/tests/$(1)_%: $(BUILD)/tests/$(1)_%.o $(BUILD)/tests/line_buffer.o $$(call archive,$$(libs_$(1)))
	@echo "  LD  $$@"
	@$(CC) $(LDFLAGS) -o $$@ $$^ $(LDLIBS) -lcmocka
endef
$(foreach f,$(folders),$(eval $(call folder_rules,$(f))))

# Stand-ins for the GPU driver's library, of today and of ten years ago.
nvml := $(BUILD)/tests/libnvidia-ml.so.1 $(BUILD)/tests/libnvidia-ml-old.so.1
$(nvml): tests/nvml/library.c tests/nvml/answers.c tests/nvml/answers.h topo/nvml_api.h $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  LD  $@"
	@$(CC) $(filter-out -MMD -MP,$(CPPFLAGS)) $(CFLAGS) $(if $(findstring old,$@),-DNVML_OLD) -fPIC -fvisibility=hidden -shared -o $@ $(filter %.c,$^)
$(filter $(BUILD)/tests/topo_nvml%,$(tests)) $(BUILD)/ringbench-simulated-gpu: | $(nvml)
$(BUILD)/tests/scale_simgrid: | $(player)

# A stand-in for NCCL, between ranks on the simulated GPU; its version is that in the name of the file.
nccl := $(addprefix $(BUILD)/tests/libnccl-,2.22.3.so 2.28.9.so 2.30.7.so)
$(nccl): $(wildcard tests/nccl/*.[ch]) collectives/baseline/nccl_api.h tests/gpu/simulated_stream.h $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  LD  $@"
	@$(CC) $(filter-out -MMD -MP,$(CPPFLAGS)) $(CFLAGS) -Wno-missing-prototypes -fPIC -fvisibility=hidden -shared -o $@ $(filter %.c,$^)
$(BUILD)/tests/gpu_nccl $(BUILD)/tests/gpu_recording $(BUILD)/tests/gpu_layer_threads $(BUILD)/ringbench-simulated-gpu: | $(nccl)

# A stand-in for cuBLAS, on the simulated GPU.
cublas := $(BUILD)/tests/libcublasLt-fake.so
$(cublas): tests/cublas/library.c collectives/device/cublas_api.h collectives/device/half.h collectives/device/fp8.h tests/gpu/simulated_stream.h $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  LD  $@"
	@$(CC) $(filter-out -MMD -MP,$(CPPFLAGS)) $(CFLAGS) -Wno-missing-prototypes -fPIC -fvisibility=hidden -shared -o $@ $<
$(BUILD)/tests/gpu_layer_threads $(BUILD)/ringbench-simulated-gpu: | $(cublas)

$(BUILD)/tests/cuda/sass: $(BUILD)/tests/cuda/sass.o $(BUILD)/libcore.a
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

tests: $(tests) $(BUILD)/ringbench-simulated-gpu
kernels: $(kernels:%=$(CUDA_BUILD)/%.o)
tsan_tests: $(tsan_tests)

# The number of jobs, unless this make was given one.
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

# Kernels for the GPUs of this machine, where nobody says which; without any for one architecture, that they can be linked.
here      = $(shell nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | sed -n 's/^\([0-9]*\)\.\([0-9]\)$$/\1\2/p' | sort -un)
archs     = $(if $(and $(cuda),$(filter file,$(origin CUDA_ARCHS))),CUDA_ARCHS="$(or $(filter $(here),$(CUDA_ARCHS)),$(filter 90,$(CUDA_ARCHS)),$(newest))")

run: ## install what is missing, build, measure this machine, write ringbench-out/report.html (ARGS="...": options)
	@scripts/setup.sh run
	@$(MAKE) --no-print-directory $(jobs) $(archs) ringbench
	@scripts/launch.sh $(ARGS)

check: ## install what the tests need, build with gcc and clang, run all tests, also under the sanitizers
	@scripts/setup.sh check
	@MAKE=$(MAKE) BUILD=$(BUILD) scripts/check $(PARTS)

check-cuda-all: ## only compile the kernels, for every architecture that nvcc knows from sm_70 up
	@[ -n '$(cuda)' ] || { echo 'GPU $(gpu)'; exit 6; }
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/cuda-all kernels

# Programs for a machine with a GPU; built here so that they can be carried there.
gpu_programs := $(if $(cuda),$(BUILD)/gpu-play $(BUILD)/gpu-yardstick)
$(BUILD)/gpu-play: $(BUILD)/tests/cuda/play.o $(all_archives)
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

yardstick_gpu := bench/yardstick/gpu
$(BUILD)/gpu-yardstick: $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(yardstick_gpu)/*.c)) $(CUDA_BUILD)/$(yardstick_gpu)/kernels.cu.o \
                        $(call archive,report collectives topo core)
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

check-gpu: ringbench $(gpu_programs) ## every test that wants a GPU; without one it says so and ends with 5
	@MAKE=$(MAKE) BUILD=$(BUILD) scripts/check-gpu

bench-gpu: ringbench $(gpu_programs) ## the figures for GPUs, each beside its ceiling of the same run; without one it says so and ends with 5
	@MAKE=$(MAKE) BUILD=$(BUILD) scripts/bench-gpu $(ARGS)

aarch64: ## cross-build for hosts of GH200 and GB200: $(BUILD)/aarch64/ringbench
	@scripts/setup.sh aarch64
	@MAKE=$(MAKE) BUILD=$(BUILD) scripts/aarch64.sh $(jobs) BUILD/ringbench

check-rdma: ## only the tests of RDMA: a table, Soft-RoCE in a virtual machine, two virtual machines
	@scripts/setup.sh check
	@MAKE=$(MAKE) BUILD=$(BUILD) scripts/check rdma

check-hosts: ## only the tests of several hosts: network namespaces and Slurm on this machine
	@scripts/setup.sh check
	@MAKE=$(MAKE) BUILD=$(BUILD) scripts/check hosts

$(BUILD)/yardstick: $(patsubst %.c,$(BUILD)/%.o,$(wildcard bench/yardstick/*.c)) $(call archive,report collectives topo core)
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

bench: ringbench $(BUILD)/yardstick ## the comparison with Open MPI and memcpy: medians of interleaved runs on two pinned cores
	@BUILD=$(BUILD) scripts/bench.sh

bench-hosts: ringbench ## rings against the rate of shaped links and MPI, two levels against one, between network namespaces
	@tests/hosts/bench

coverage: ## line coverage of core, collectives, scale, bench and report; fails below 85 %
	@scripts/setup.sh check
	@MAKE=$(MAKE) scripts/coverage.sh

fuzz: ## the fuzzers, ten minutes each
	@scripts/setup.sh check
	@tests/fuzz/run $(or $(FUZZ_SECONDS),600)

install: ringbench ## copy the program and its data to $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/ringbench
	install ringbench $(notdir $(player)) $(DESTDIR)$(PREFIX)/bin/
	cp -R report/data/. $(DESTDIR)$(PREFIX)/share/ringbench/

bundle: ringbench ## $(BUILD)/ringbench-VERSION-MACHINE.tar.xz: runs on a machine with glibc and nothing else installed
	@scripts/setup.sh bundle
	@scripts/bundle.sh ringbench $(BUILD)

tools: ## only install what building and running need
	@scripts/setup.sh run

missing:
	@scripts/setup.sh run --verify

cuda: ## bring nvcc, NCCL and cuBLAS into $(BUILD)/cuda, without root, for a machine that has none
	@scripts/cuda.sh $(BUILD)/cuda all

clean: ## remove what was built; ringbench-out and what "make cuda" brought stay
	rm -rf $(filter-out $(BUILD)/cuda,$(wildcard $(BUILD)/*)) ringbench ringbench-simgrid

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

print-%:
	@echo '$($*)'

.PHONY: all tests tsan_tests kernels run check check-cuda-all check-gpu bench-gpu aarch64 check-rdma check-hosts bench bench-hosts coverage fuzz install bundle tools missing cuda clean help FORCE
.PRECIOUS: $(BUILD)/%.o
-include $(shell [ -d $(BUILD) ] && find $(BUILD) \( -name sysroot -o -name cuda \) -prune -o -type f -name '*.d' -print) $(wildcard $(kernels:%=$(CUDA_BUILD)/%.d))
