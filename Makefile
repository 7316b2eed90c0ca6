# make help lists the targets.
ifeq ($(origin CC),default)
CC       := gcc
endif
BUILD    ?= build
PREFIX   ?= /usr/local
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
OPT      ?= -O3 -g
packages := hwloc jansson
CFLAGS   += -std=gnu11 $(OPT) $(WARN) $(SAN:%=-fsanitize=%) -pthread
CPPFLAGS += -I. -D_GNU_SOURCE -MMD -MP $(shell pkg-config --cflags $(packages) ompi-c | sed 's/-I/-isystem /g')
LDFLAGS  += $(SAN:%=-fsanitize=%) -pthread
LDLIBS   += $(shell pkg-config --libs $(packages) ompi-c) -lm -ldl

# Each folder is an archive; a lower one never needs a higher one.
folders     := core topo collectives report bench
core_dirs   := core
topo_dirs   := topo
collectives_dirs := collectives collectives/algorithms collectives/transport collectives/device collectives/baseline
report_dirs := report
bench_dirs  := bench
sources      = $(filter-out bench/main.c,$(wildcard $(addsuffix /*.c,$($(1)_dirs))))
archive      = $(1:%=$(BUILD)/lib%.a)
all_archives := $(call archive,bench report collectives topo core)

# A test named FOLDER_x.c links that folder and those below it.
libs_core        := core
libs_topo        := topo core
libs_collectives := collectives topo core
libs_report      := report core
libs_bench       := bench report collectives topo core
tests := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard $(addprefix tests/,$(addsuffix _*.c,$(folders)))))

all: ringbench

ringbench: $(BUILD)/ringbench
	cp -f $< $@

$(BUILD)/ringbench: $(BUILD)/bench/main.o $(all_archives)
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

define folder_rules
$(BUILD)/lib$(1).a: $$(patsubst %.c,$(BUILD)/%.o,$$(call sources,$(1)))
	@rm -f $$@
	@ar rcs $$@ $$^
$(BUILD)/tests/$(1)_%: $(BUILD)/tests/$(1)_%.o $$(call archive,$$(libs_$(1)))
	@echo "  LD  $$@"
	@$(CC) $(LDFLAGS) -o $$@ $$^ $(LDLIBS) -lcmocka
endef
$(foreach f,$(folders),$(eval $(call folder_rules,$(f))))

tests: $(tests)

clean:
	rm -rf $(BUILD) ringbench

.PHONY: all tests clean
.PRECIOUS: $(BUILD)/%.o
-include $(shell [ -d $(BUILD) ] && find $(BUILD) -name '*.d')
