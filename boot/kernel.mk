# SPDX-License-Identifier: MIT
#
# How one kernel is built: make -f boot/kernel.mk TARGET=x86_64 (the top Makefile calls it once for each target).
#
#   sources -> objects -> kernel.nosyms -> symbol table -> kernel.elf (for gdb) -> kernel (stripped, for the image)

TARGET ?= x86_64
CONFIG ?= debug
O      ?= build
CC     ?= gcc
# Functions and lines, for reports. Types and variables cost a fifth of the compiler's time: `make debug` has them (-g).
G      ?= -g1
OPT    ?= -O2
OUT    := $(O)/$(TARGET)

NM := nm
LD := ld
AWK := awk

# --- sources: every file in these folders, except siblings for the other word size ------------------------------

WORD_x86_64 := 64
WORD_i386-pae := 32
WORD_i386 := 32
WORD := $(WORD_$(TARGET))
OTHER_WORD := $(if $(filter 64,$(WORD)),32,64)
$(if $(WORD),,$(error TARGET=$(TARGET): not one of x86_64, i386-pae, i386))

# The chambers of mm/, from below (mm/README.md).
MM_FOLDERS := mm/page mm/slab $(patsubst %,mm/kva/%,space map area block io percpu) mm/kva mm/user

# The chambers of arch/x86/cpu, from below (its README.md).
CPU_FOLDERS := $(patsubst %,arch/x86/cpu/%,core acpi apic trap console start)

# CONFIG=ubsan and CONFIG=kasan are the debug build with checks by the compiler: of undefined behaviour, and of each access
# to memory (x86_64). kernel/sanitize and arch/x86/kasan report what they see.
CHECKED	 := $(filter ubsan kasan,$(CONFIG))
OPTIONS	 := $(if $(CHECKED),debug,$(CONFIG))
SANITIZE_ubsan := -fsanitize=undefined
SANITIZE_kasan := -fsanitize=kernel-address -fasan-shadow-offset=0xdffffc0000000000 \
	-fsanitize-address-use-after-scope --param asan-stack=1 --param asan-globals=1 --param asan-instrumentation-with-call-threshold=0
SANITIZE := $(SANITIZE_$(CHECKED))
SHADOW	 := $(if $(filter kasan,$(CHECKED)),arch/x86/kasan mm/kasan)
$(if $(and $(SHADOW),$(filter-out x86_64,$(TARGET))),$(error CONFIG=kasan: for TARGET=x86_64 alone))

FOLDERS := boot $(CPU_FOLDERS) arch/x86/mm kernel/lib kernel/core kernel/sched kernel/proc kernel/shell kernel \
	$(MM_FOLDERS) $(if $(filter ubsan,$(CHECKED)),kernel/sanitize) $(SHADOW) tests/kernel tests/bench
SOURCES := $(foreach f,$(FOLDERS),$(wildcard $f/*.c $f/*.S)) boot/target/$(TARGET).S third_party/qrcodegen/qrcodegen.c $(EXTRA)
SOURCES := $(sort $(filter-out %_$(OTHER_WORD).c %_$(OTHER_WORD).S,$(SOURCES)))

# The C files of a folder of the product are compiled as one: headers are read once and the compiler starts once, which
# saves more than half of the time. So static names are unique within a folder. Each file must also compile alone
# (`each`, and `apart` for those of mm).
UNITED  := $(filter-out kernel tests/%,$(FOLDERS))
# Booted tests are compiled in groups by the first letter of the file: a change of one file compiles only its group.
LETTERS := a-l m n-r s-u v-z
UNITED  += $(LETTERS:%=tests/kernel/%)
in       = $(filter-out %_$(WORD).c,$(filter %.c,$(foreach s,$(SOURCES),$(if $(filter $1/,$(dir $s)),$s))))
in      += $(if $(filter tests/kernel/%,$1),$(wildcard tests/kernel/[$(notdir $1)]*.c))
UNITS   := $(foreach f,$(UNITED),$(if $(call in,$f),$(OUT)/obj/$f/all.c.o))
APART   := $(foreach f,$(MM_FOLDERS),$(patsubst %,$(OUT)/apart/%.o,$(call in,$f)))
ALONE   := $(filter-out $(foreach f,$(UNITED),$(call in,$f)),$(SOURCES))
OBJECTS := $(sort $(UNITS) $(patsubst %,$(OUT)/obj/%.o,$(ALONE)))

# Every .c file in tests/user is a program for ring 3, which becomes a part of the kernel's image.
PROGRAMS := $(sort $(patsubst tests/user/%.c,%,$(wildcard tests/user/*.c)))
EMBEDDED := $(OUT)/user/programs.o

# --- how to compile -----------------------------------------------------------------------------------------------

INCLUDES := -I. -Ikernel/include -Iarch/include -Imm/include -Iarch/x86/include -Iarch/x86/target/$(TARGET) \
	-Ikernel/config/$(CONFIG)

MACHINE_x86_64   := -m64 -mno-red-zone -mcmodel=kernel
MACHINE_i386-pae := -m32 -march=i686 -mtune=generic
MACHINE_i386     := -m32 -march=i586 -mtune=generic

# Three arguments in registers, as is common in 32-bit kernels. Entry code relies on it. Programs use the usual ABI.
ABI := $(if $(filter 32,$(WORD)),-mregparm=3 -freg-struct-return)

# C code must know whether there are frame pointers, so a configuration's header says it.
FRAME_POINTER := $(shell sed -n 's/^.define CONFIG_FRAME_POINTER *\([01]\).*/\1/p' kernel/config/$(OPTIONS)/kernel/config.h)
# How much of the stack's use is guarded, too: 1 = functions with arrays, 2 = also those that pass addresses of locals.
STACK_PROTECTOR := $(shell sed -n 's/^.define CONFIG_STACK_PROTECTOR *\([12]\).*/\1/p' kernel/config/$(OPTIONS)/kernel/config.h)
PROTECT_1 := -fstack-protector
PROTECT_2 := -fstack-protector-strong
FRAMES_0 := -fomit-frame-pointer
FRAMES_1 := -fno-omit-frame-pointer

CFLAGS := -std=gnu11 $(OPT) $(G) -pipe -ffreestanding -fno-pic -fno-pie -fno-asynchronous-unwind-tables \
	$(PROTECT_$(STACK_PROTECTOR)) -mstack-protector-guard=global \
	-fcf-protection=none -mgeneral-regs-only $(FRAMES_$(FRAME_POINTER)) -fno-strict-aliasing -ffile-prefix-map=./= \
	$(SANITIZE) -Wall -Wextra -Werror $(MACHINE_$(TARGET)) $(ABI) $(INCLUDES)

# Booted tests have as many lines as the product, and their speed does not matter.
less = $(if $(filter tests/kernel/%,$1),-O1)

# Programs: the same compiler and machine; of the kernel only the numbers of its system calls and <lib/string.h>.
USER_CFLAGS := -std=gnu11 -O2 -pipe -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fcf-protection=none -mgeneral-regs-only -ffunction-sections -Wall -Wextra -Werror \
	$(filter-out -mcmodel=kernel,$(MACHINE_$(TARGET))) $(INCLUDES)

LDFLAGS := -m $(if $(filter 64,$(WORD)),elf_x86_64,elf_i386) -nostdlib -static --build-id=none \
	-z max-page-size=4096 -z noexecstack --no-warn-rwx-segments

Q := $(if $(V),,@)
say = $(if $(V),,$(info $(space) $1	$2))
space := $(empty) $(empty)

# --- rules --------------------------------------------------------------------------------------------------------

.PHONY: all each apart compile_commands FORCE
.DELETE_ON_ERROR:
.SECONDEXPANSION:
all: $(OUT)/kernel

# A changed compiler or flag rebuilds everything; so does a source that appears or goes.
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(CFLAGS)' '$(SOURCES) $(PROGRAMS) $(UNITS) $(ALONE)' | cmp -s - $@ || \
		printf '%s\n' '$(CC) $(CFLAGS)' '$(SOURCES) $(PROGRAMS) $(UNITS) $(ALONE)' > $@

# Third-party code includes headers of a C library that are made for it. It runs once: -O1 compiles in half the time.
$(OUT)/obj/third_party/%: CFLAGS += -O1 -Ithird_party/qrcodegen/glue

$(foreach f,kernel/sanitize $(SHADOW),$(OUT)/obj/$f/%): CFLAGS := $(filter-out -fsanitize% -fasan%,$(CFLAGS))

# Folders are made once, not once for each object: a process costs as much as a tenth of a compile.
$(OUT)/obj/%/. $(OUT)/apart/%/.:
	@mkdir -p $@

$(OUT)/obj/%.c.o: %.c $(OUT)/flags | $$(@D)/.
	$(call say,CC,$(TARGET) $<)
	$(Q)$(CC) $(CFLAGS) $(call less,$*) -MMD -MP -c $< -o $@

$(OUT)/obj/%/all.c: $(OUT)/flags | $$(@D)/.
	$(Q)printf '#include "%s"\n' $(call in,$*) > $@

$(OUT)/obj/%/all.c.o: $(OUT)/obj/%/all.c
	$(call say,CC,$(TARGET) $*)
	$(Q)$(CC) $(CFLAGS) $(call less,$*) -MMD -MP -c $< -o $@

$(OUT)/obj/%.S.o: %.S $(OUT)/flags | $$(@D)/.
	$(call say,AS,$(TARGET) $<)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(OUT)/user/.:
	@mkdir -p $@

$(OUT)/user/%.o: tests/user/%.c $(OUT)/flags | $(OUT)/user/.
	$(call say,CC,$(TARGET) $<)
	$(Q)$(CC) $(USER_CFLAGS) -MMD -MP -c $< -o $@

$(OUT)/user/start.o: tests/user/start_$(WORD).S $(OUT)/flags | $(OUT)/user/.
	$(Q)$(CC) $(USER_CFLAGS) -c $< -o $@

$(OUT)/user/string.o: kernel/lib/string.c $(OUT)/flags | $(OUT)/user/.
	$(Q)$(CC) $(USER_CFLAGS) -MMD -MP -c $< -o $@

$(OUT)/user/%.elf: $(OUT)/user/%.o $(OUT)/user/start.o $(OUT)/user/string.o tests/user/program.ld
	$(Q)$(LD) $(filter-out --no-warn-rwx-segments,$(LDFLAGS)) --gc-sections -s -T tests/user/program.ld $(filter %.o,$^) -o $@

$(OUT)/user/programs.S: tests/user/embed.S $(OUT)/flags | $(OUT)/user/.
	$(Q){ cat $<; printf 'PROGRAM %s, "%s"\n' $(foreach p,$(PROGRAMS),$p $(OUT)/user/$p.elf); } > $@

$(OUT)/user/programs.o: $(OUT)/user/programs.S $(PROGRAMS:%=$(OUT)/user/%.elf)
	$(Q)$(CC) $(CFLAGS) -c $< -o $@

$(OUT)/linker.lds: linker.ld $(OUT)/flags
	$(Q)$(CC) -E -P -x assembler-with-cpp -undef -MMD -MP -MT $@ -MF $@.d $(INCLUDES) $< -o $@

# Two links: the first gives every symbol its address, the second adds the symbol table behind everything else.
$(OUT)/no_symbols.S: boot/symbols.awk $(OUT)/flags
	$(Q)$(AWK) -f $< /dev/null > $@

$(OUT)/symbols.S: $(OUT)/kernel.nosyms boot/symbols.awk
	$(Q)$(NM) -n $< | $(AWK) -f boot/symbols.awk > $@

$(OUT)/no_symbols.o $(OUT)/symbols.o: %.o: %.S
	$(Q)$(CC) $(CFLAGS) -c $< -o $@

$(OUT)/kernel.nosyms: $(OUT)/linker.lds $(OBJECTS) $(EMBEDDED) $(OUT)/no_symbols.o
	$(call say,LINK,$(TARGET))
	$(Q)$(LD) $(LDFLAGS) -T $(OUT)/linker.lds $(OBJECTS) $(EMBEDDED) $(OUT)/no_symbols.o -o $@

$(OUT)/kernel.elf: $(OUT)/kernel.nosyms $(OUT)/symbols.o boot/check_symbols.awk
	$(call say,LINK,$(TARGET) with symbols)
	$(Q)$(LD) $(LDFLAGS) -T $(OUT)/linker.lds $(OBJECTS) $(EMBEDDED) $(OUT)/symbols.o -o $@
	$(Q)$(NM) $@ | $(AWK) -f boot/check_symbols.awk

$(OUT)/kernel: $(OUT)/kernel.elf
	$(Q)objcopy --strip-all $< $@

# Does each file include what it needs? In the united folder an earlier file may have included it.
each:
	$(Q)$(CC) $(CFLAGS) -fsyntax-only $(foreach f,$(filter-out $(MM_FOLDERS) tests/%,$(UNITED)),$(call in,$f))

# The files of mm once more, each as an object: tests/qemu/links.t reads from them which file uses which.
apart: $(APART)

$(OUT)/apart/%.c.o: %.c $(OUT)/flags | $$(@D)/.
	$(Q)$(CC) $(CFLAGS) -O1 -g0 -MMD -MP -c $< -o $@

# The entries of compile_commands.json for this target, one in each line, each followed by a comma.
compile_commands:
	@$(foreach s,$(SOURCES),printf '{"directory": "%s", "file": "%s", "command": "%s"},\n' \
		'$(CURDIR)' '$s' '$(CC) $(CFLAGS) -c $s';)

.SECONDARY:
-include $(OBJECTS:.o=.d) $(if $(filter apart,$(MAKECMDGOALS)),$(APART:.o=.d)) $(wildcard $(OUT)/user/*.d) $(OUT)/linker.lds.d
