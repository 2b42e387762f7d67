# SPDX-License-Identifier: MIT
#
# The host ring: the portable code as user-space programs, with the sanitizers on, and run at once.
#
#	make host-test			all of it
#	make host-test HOST_T=unit_slab	programs whose name contains that
#	make fuzz SECONDS=60		the fuzzers, for longer
#
# Every unit_*.c is a program. Those of $(host_plain) do not depend on page tables and are there once; all others are
# there four times, for 2, 3 (PAE), 4 and 5 levels. With clang, every race_*.c is built with the thread sanitizer and every
# fuzz_*.c with libFuzzer (those of page tables for PAE as well); with gcc these are left out.
#
# What is the same is compiled once: 4 and 5 levels have the same table format and are one program (port/machine.c), and the
# fuzzers are linked from the objects of the unit tests, which count what they covered.

O	 ?= build
HO	 := $(O)/host
HOST_CC	 ?= $(shell command -v clang >/dev/null && echo clang || echo gcc)
HOST_T	 ?=
SECONDS	 ?= 60

host_fuzz_plain := fuzz_multiboot2 fuzz_xarray fuzz_acpi fuzz_mptable fuzz_elf fuzz_font
host_plain := unit_acpi unit_acpi_tables unit_inject unit_calibrate unit_cmdline unit_panic unit_complete unit_elf unit_format unit_framebuffer unit_lib unit_bitmap unit_preempt unit_program_text unit_summary unit_string unit_rbtree unit_xarray unit_xarray_api unit_xarray_uses unit_xarray_multi unit_xarray_spans unit_mtrr unit_uart unit_memory_map unit_multiboot2 unit_boot_info unit_soft_reserved unit_pcid unit_tlb
host_plain += unit_screen unit_pager unit_keyboard unit_pci unit_serial
host_without_mm := $(host_plain) unit_layout unit_lazy_mmu unit_tlb_oracle unit_tlb_oracle_model unit_tlb_oracle_present unit_tlb_oracle_race unit_pgtable unit_sync unit_user_root unit_sync_race race_pgtable race_xarray race_rcu \
		  $(host_fuzz_plain) fuzz_pgtable
# Unit tests with threads of their own run once more under the thread sanitizer.
host_threaded := unit_sync_race unit_tlb

# What is under test. Kernel code that is hardware or would come in twice has its counterpart in port/.
HOST_CORE ?= $(wildcard $(addprefix kernel/core/,xarray*.c xas*.c spinlock.c preempt.c cpumask.c inject.c schedule_point.c cmdline.c program_text.c summary_text.c \
	     trace.c)) \
	     $(wildcard $(addprefix kernel/sched/,wait.c mutex.c completion.c))
HOST_ARCH ?= $(wildcard $(addprefix arch/x86/mm/,pgtable.c pgtable_split.c pgtable_tables.c pgtable_level.c pgtable_sync.c \
	     pgtable_parity.c user_root.c pgtable_dump.c mtrr.c tlb_oracle.c tlb_oracle_records.c \
	     tlb_oracle_tables.c tlb_oracle_cpus.c tlb_oracle_report.c tlb_batch.c tlb_gen.c asid.c lazy_mmu.c))
# mm/kva/floor is for other kernels.
HOST_MM	  ?= $(filter-out mm/page/highmem.c mm/kva/floor/% mm/kasan/%,$(wildcard mm/*/*.c mm/kva/*/*.c))
host_sources := $(wildcard kernel/lib/*.c) $(HOST_CORE) $(HOST_ARCH) \
		$(wildcard tests/host/port/*.c) tests/host/pgtable_model.c tests/host/processes.c
# Parts of folders that are hardware otherwise, and what need only compile.
host_sources += arch/x86/cpu/core/mmio.c arch/x86/cpu/core/pti.c tests/host/linux_names.c tests/host/linux_names_xarray.c
# What only programs of $(host_plain) call.
host_sources_4level := $(wildcard arch/x86/cpu/acpi/*.c) \
	     $(addprefix arch/x86/cpu/console/,acpi_spcr.c serial_place.c font.c framebuffer.c screen.c) kernel/proc/elf.c kernel/shell/complete.c kernel/shell/pager.c $(wildcard boot/*.c) \
	     kernel/summary_picture.c third_party/qrcodegen/qrcodegen.c
# What a folder has here is compiled as one, as in boot/kernel.mk: clang's start is half of a small file's time.
# Alone: what has flags of its own, what a program replaces, what not all sets have of a folder, and what calls functions that only
# the test of it has.
host_alone := kernel/lib/string.c arch/x86/cpu/core/mmio.c arch/x86/cpu/console/screen.c kernel/shell/pager.c kernel/summary_picture.c tests/host/port/rcu.c \
	      $(wildcard tests/host/*.c)
host_in	    = $(filter-out $(host_alone),$(foreach s,$2,$(if $(filter $1/,$(dir $s)),$s)))
host_units_of = $(foreach f,$(sort $(patsubst %/,%,$(dir $1))),$(if $(call host_in,$f,$1),$f/all.o)) \
		$(patsubst %.c,%.o,$(filter $(host_alone),$1))
, := ,
host_units := $(basename $(notdir $(wildcard tests/host/unit_*.c)))
ifneq ($(findstring clang,$(HOST_CC)),)
host_races := $(basename $(notdir $(wildcard tests/host/race_*.c)))
host_fuzzers := $(basename $(notdir $(wildcard tests/host/fuzz_*.c)))
host_raced := $(host_races) $(host_threaded)
endif

# A test's own code runs little, and is most of what there is to compile: without the optimizer that takes half as long. Not so
# where it looks at each byte of much memory, or where a model is asked for everything.
host_busy := unit_mtrr unit_pgtable unit_set_memory unit_slab unit_xarray unit_xarray_spans
host_unit  = $(if $(filter $(host_busy),$1),-O1,-O0)

# Reports name functions and lines; for a debugger's sake HOST_G=-g adds types and variables.
HOST_G ?= -g1

HOST_CFLAGS := -std=gnu11 -O1 $(HOST_G) -fno-builtin -fno-strict-aliasing -fno-omit-frame-pointer -pthread \
	-Wall -Wextra -Werror -ffile-prefix-map=./= -Dsnprintf=kvasir_snprintf -Dvsnprintf=kvasir_vsnprintf -MMD -MP
HOST_LDFLAGS = $(if $(host_fuzzers),$(host_link)) -pthread -Wl,-T,tests/host/port/port.ld

host_asan := -fsanitize=address,undefined -fno-sanitize-recover=all
host_tsan := -fsanitize=thread
# Which branches were taken is counted inline, which costs a unit test nearly nothing. What was compared is told to the fuzzer only
# where it has to guess numbers: with it the walker's tests take five times as long.
host_counted := $(if $(host_fuzzers),-fsanitize-coverage=inline-8bit-counters$(,)pc-table)
host_guessed := arch/x86/cpu/acpi arch/x86/cpu/console boot kernel/proc
host_compared := $(if $(host_fuzzers),-fsanitize-coverage=trace-cmp)
host_fuzz := $(host_asan) $(host_counted)
host_link := $(shell command -v ld.lld >/dev/null && echo -fuse-ld=lld)

host_everywhere := $(filter-out $(host_plain),$(host_units))
# Where all are wanted, the unit tests of a set are linked together (units.c); one that is asked for by name is linked alone.
TOGETHER := $(if $(HOST_T),,$(filter host-test,$(MAKECMDGOALS)))

.SECONDEXPANSION:
$(HO)/%/.:
	@mkdir -p $@

# A set of objects: $(1) directory, $(2) levels, $(3) target whose table format it has, $(4) layout, $(5) physical address,
# $(6) sanitizers, $(7) more of them for $(host_guessed), $(8) its unit tests
define host_build
host_compile_$(1) = @$(HOST_CC) $(HOST_CFLAGS) $(6) -DHOST_LEVELS=$(2) -DHOST_PHYS_ADDR=$(5) \
	-I. -Itests/host/port/include -Ikernel/include -Iarch/include -Imm/include -Iarch/x86/include \
	-Iarch/x86/target/$(3) -Ikernel/config/debug -c $$< -o $$@

$(HO)/$(1)/%.o: %.c tests/host/host.mk | $$$$(@D)/.
	$$(host_compile_$(1)) $$(if $$(filter unit_%,$$(notdir $$*)),$$(call host_unit,$$(notdir $$*)) -Dmain=main_of_$$(notdir $$*)) $$(host_cflags_$$(notdir $$*))

$(HO)/$(1)/%/all.c: $(HO)/sources tests/host/host.mk | $$$$(@D)/.
	@printf '#include "%s"\n' $$(call host_in,$$*,$(host_sources) $(host_sources_4level) $(HOST_MM)) > $$@

$(HO)/$(1)/%/all.o: $(HO)/$(1)/%/all.c tests/host/host.mk
	$$(host_compile_$(1)) $$(if $$(filter $(host_guessed),$$*),$(7))

$(HO)/$(1)/libkvasir.a: $(addprefix $(HO)/$(1)/,$(call host_units_of,$(host_sources) $(host_sources_$(1)))) $(HO)/$(1)/arch/x86/mm/$(4).o
	@rm -f $$@
	@ar qcs $$@ $$^

$(HO)/$(1)/libmm.a: $(addprefix $(HO)/$(1)/,$(call host_units_of,$(HOST_MM)))
	@rm -f $$@
	@ar qcs $$@ $$^

$(addprefix $(HO)/$(1)/,$(filter-out $(host_without_mm),$(host_units) $(host_races) $(host_fuzzers))): $(HO)/$(1)/libmm.a

ifdef TOGETHER
$(HO)/$(1)/units.h: $(HO)/sources | $(HO)/$(1)/.
	@printf 'UNIT(%s)\n' $(8) > $$@

$(HO)/$(1)/units.o: tests/host/units.c $(HO)/$(1)/units.h
	$$(host_compile_$(1)) -DUNITS='"$(HO)/$(1)/units.h"'

$(HO)/$(1)/units: $(HO)/$(1)/units.o $(patsubst %,$(HO)/$(1)/tests/host/%.o,$(8)) \
		$(if $(filter unit_calibrate,$(8)),$(HO)/$(1)/arch/x86/cpu/apic/calibrate.o) \
		$(HO)/$(1)/libmm.a $(HO)/$(1)/libkvasir.a tests/host/port/port.ld
	@$(HOST_CC) $(6) $(HOST_LDFLAGS) -Wl,--start-group $$(filter %.o %.a,$$^) -Wl,--end-group -lcmocka -o $$@

$(HO)/$(1)/unit_%: $(HO)/$(1)/units
	@ln -sf units $$@
else
$(HO)/$(1)/unit_%: $(HO)/$(1)/tests/host/unit_%.o $(HO)/$(1)/libkvasir.a tests/host/port/port.ld
	@rm -f $$@
	@$(HOST_CC) $(6) $(HOST_LDFLAGS) -Wl,--defsym=main=main_of_unit_$$* \
		-Wl,--start-group $$(filter %.o %.a,$$^) -Wl,--end-group -lcmocka -o $$@
endif

$(HO)/$(1)/race_%: $(HO)/$(1)/tests/host/race_%.o $(HO)/$(1)/libkvasir.a tests/host/port/port.ld
	@$(HOST_CC) $(6) $(HOST_LDFLAGS) -Wl,--start-group $$(filter %.o,$$^) $$(filter %.a,$$^) -Wl,--end-group -lcmocka -o $$@

$(HO)/$(1)/unit_calibrate: $(HO)/$(1)/arch/x86/cpu/apic/calibrate.o

# The kernel's own grace periods, in place of the port's (port/rcu.c).
$(HO)/$(1)/race_rcu: $(HO)/$(1)/kernel/sched/rcu.o
endef

# A source that appears or goes.
$(HO)/sources: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(host_sources) $(host_sources_4level) $(HOST_MM)' | cmp -s - $@ || printf '%s\n' '$(host_sources) $(host_sources_4level) $(HOST_MM)' > $@
.PHONY: FORCE

host_cflags_pager	:= -Dcprintf=test_cprintf -Darch_console_size=test_console_size -Darch_console_typed_at_screen=test_typed_at_screen
host_cflags_summary_picture := -Darch_console_room=test_console_room
host_cflags_string	:= -include tests/host/port/rename.h
host_cflags_unit_string := -include tests/host/port/rename.h

# Fuzzers of a set: $(1) directory, $(2) set
define host_fuzz_build
$(addprefix $(HO)/$(1)/,$(filter-out $(host_without_mm),$(host_fuzzers))): $(HO)/$(2)/libmm.a

$(HO)/$(1)/fuzz_%: $(HO)/$(2)/tests/host/fuzz_%.o $(HO)/$(2)/libkvasir.a tests/host/port/port.ld | $(HO)/$(1)/.
	@$(HOST_CC) -fsanitize=fuzzer $(host_asan) $(HOST_LDFLAGS) -Wl,--start-group $$(filter %.o %.a,$$^) -Wl,--end-group -lcmocka -o $$@
endef

$(eval $(call host_build,2level,2,i386,layout_32,u32,$(host_asan),,$(host_everywhere)))
$(eval $(call host_build,pae,3,i386-pae,layout_32,u64,$(host_fuzz),$(host_compared),$(host_everywhere)))
$(eval $(call host_build,4level,4,x86_64,layout_64,u64,$(host_fuzz),$(host_compared),$(host_units)))
$(eval $(call host_build,race,4,x86_64,layout_64,u64,$(host_tsan),,$(host_threaded)))
$(eval $(call host_fuzz_build,fuzz,4level))
$(eval $(call host_fuzz_build,fuzz-pae,pae))

# For cycles (tests/bench/native): the release configuration as the kernel is optimized, no sanitizers.
host_native := -O2 -fomit-frame-pointer -Ikernel/config/release
$(eval $(call host_build,native,4,x86_64,layout_64,u64,$(host_native),,))

$(HO)/native/bench: $(addprefix $(HO)/native/,tests/bench/native/native.o libmm.a libkvasir.a) tests/host/port/port.ld
	@$(HOST_CC) $(HOST_LDFLAGS) -Wl,--start-group $(filter %.o %.a,$^) -Wl,--end-group -lcmocka -o $@

# Named, since a pattern would take it for a program of 4 levels.
$(HO)/5level/.:
	@mkdir -p $@

$(HO)/5level/%: $(HO)/4level/% | $(HO)/5level/.
	@printf '#!/bin/sh\nHOST_LEVELS=5 exec "$$(dirname "$$0")/../4level/$*" "$$@"\n' > $@ && chmod +x $@
.SECONDARY:

# Programs by the set of objects that they come from: sets can be built side by side.
host_sets := 2level pae 4level $(if $(host_raced),race)
host_set_2level := $(addprefix $(HO)/2level/,$(host_everywhere))
host_set_pae	:= $(addprefix $(HO)/pae/,$(host_everywhere)) \
		   $(addprefix $(HO)/fuzz-pae/,$(filter-out $(host_fuzz_plain),$(host_fuzzers)))
host_set_4level := $(addprefix $(HO)/4level/,$(host_units)) $(addprefix $(HO)/5level/,$(host_everywhere)) \
		   $(addprefix $(HO)/fuzz/,$(host_fuzzers))
host_set_race	:= $(addprefix $(HO)/race/,$(host_raced))
host_programs	:= $(foreach s,$(host_sets),$(host_set_$s))
host_fuzz_programs := $(filter $(HO)/fuzz%,$(host_programs))
host_chosen := $(if $(HOST_T),$(foreach p,$(host_programs),$(if $(findstring $(HOST_T),$p),$p)),$(host_programs))

.PHONY: host-test host-sets fuzz
host-test: $(host_chosen) ## unit tests of the portable code, as programs on this machine
	@tests/host/run $^

fuzz: $(host_fuzz_programs) ## run the fuzzers for SECONDS=60 each
	@FUZZ_SECONDS=$(SECONDS) tests/host/run $^

# For tests/qemu/host.t: one line a set, its programs.
host-sets:
	@$(foreach s,$(host_sets),echo $s $(host_set_$s);)

# Headers matter to whoever builds a program; the top Makefile includes this file for every target.
ifneq ($(filter host-test fuzz bench-native $(HO)/%,$(MAKECMDGOALS)),)
-include $(shell find $(HO) -name '*.d' 2>/dev/null)
endif
