# SPDX-License-Identifier: MIT
#
# make -f tests/port/port.mk: the kernels of tests/port, each with kva compiled in its own way. build/port/NAME/kernel:
#
#   x64, pae        debug, up to 4 CPUs
#   x64-release     the same for x86_64 without checks
#   x64-up          debug, one CPU
#   x64-mistakes    x64 with mistakes.c, which does what porters do
#   *-test          with kva's own tests, kva_test.c, in the place of kva.c, and kva_glue.c in the place of test.c

O  ?= build
CC ?= gcc

PORT := tests/port
KVA  := $(O)/kva
OUT  := $(O)/port
PARTS := boot console host main memory thread trap

KERNELS := x64 x64-release x64-up pae x64-mistakes x64-test pae-test
.PHONY: all kva $(KERNELS)
all: $(KERNELS)
kva: $(KVA)/kva.c
$(KERNELS): %: $(OUT)/%/kernel

FLAGS := -std=gnu11 -g1 -pipe -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fcf-protection=none -mgeneral-regs-only -fno-strict-aliasing -Wall -Wextra -Werror -I$(KVA)
FLAGS_64 := -m64 -mno-red-zone -mcmodel=kernel
FLAGS_32 := -m32 -march=i686
IMAGE_64 := 0xffffffff80000000
IMAGE_32 := 0xc0000000
EMULATION_64 := elf_x86_64
EMULATION_32 := elf_i386

# How kva is compiled is said to every file that includes kva.h.
x64         := -O1 -DKVA_MAX_CPUS=4 -DKVA_DEBUG=1
x64-release := -O2 -DKVA_MAX_CPUS=4
x64-up      := -O0 -DKVA_MAX_CPUS=1 -DKVA_DEBUG=1
pae         := -O0 -DKVA_MAX_CPUS=4 -DKVA_DEBUG=1

$(KVA)/kva_test.c: $(KVA)/kva.c
$(KVA)/kva.c: $(shell find mm arch/x86 kernel arch/include tests/kernel -name '*.[ch]') mm/kva/make-kva
	@mm/kva/make-kva $(KVA)

# $1: the kernel, $2: its word size
define build
$(OUT)/$1/%.o: $(PORT)/%.c $(PORT)/kernel.h $(KVA)/kva.c $(PORT)/port.mk
	@mkdir -p $$(@D)
	@$$(CC) $(FLAGS) $(FLAGS_$2) $($1) -c $$< -o $$@

$(OUT)/$1/kva.o $(OUT)/$1/kva_test.o: $(OUT)/$1/%.o: $(KVA)/%.c $(PORT)/port.mk
	@mkdir -p $$(@D)
	@$$(CC) $(FLAGS) $(FLAGS_$2) $($1) -c $$< -o $$@

$(OUT)/$1/boot.o: $(PORT)/boot$2.S $(PORT)/port.mk
	@mkdir -p $$(@D)
	@$$(CC) $(FLAGS) $(FLAGS_$2) -c $$< -o $$@

$(OUT)/$1/kernel: $(PARTS:%=$(OUT)/$1/%.o) $(OUT)/$1/test.o $(OUT)/$1/kva.o $(PORT)/port.ld
	@$$(LD) $(call link,$2) -o $$@ $$(filter %.o,$$^)

$(OUT)/$1-test/kernel: $(PARTS:%=$(OUT)/$1/%.o) $(OUT)/$1/kva_glue.o $(OUT)/$1/kva_test.o $(PORT)/port.ld
	@mkdir -p $$(@D)
	@$$(LD) $(call link,$2) -o $$@ $$(filter %.o,$$^)
endef
link = -m $(EMULATION_$1) -T $(PORT)/port.ld --defsym=IMAGE=$(IMAGE_$1) -nostdlib --build-id=none \
	-z max-page-size=4096 -z noexecstack --no-warn-rwx-segments

$(eval $(call build,x64,64))
$(eval $(call build,x64-release,64))
$(eval $(call build,x64-up,64))
$(eval $(call build,pae,32))

WRAPPED := kva_init kva_cpu_online kva_may_preempt timer_start host_pages_alloc host_pages_free \
	host_object_alloc host_object_free host_thread host_in_interrupt \
	host_yield host_reschedule host_cpu host_nr_cpus host_send_flush_ipi

$(OUT)/x64-mistakes/kernel: $(OUT)/x64/kernel $(OUT)/x64/mistakes.o
	@mkdir -p $(@D)
	@$(LD) $(call link,64) $(WRAPPED:%=--wrap=%) -o $@ $(PARTS:%=$(OUT)/x64/%.o) $(OUT)/x64/test.o \
		$(OUT)/x64/kva.o $(OUT)/x64/mistakes.o
