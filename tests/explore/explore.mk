# SPDX-License-Identifier: MIT
#
# The explorer (tests/explore/README.md).
#
#	make explore			all scenarios, two at a time
#	make explore S='claim.*'	those whose name matches
#	make explore S=x REPLAY='...'	one run again, as a table
#	make explore LIMIT=600 STATE=folder	each for so long; the next call goes on from there
#
# What is explored is compiled by gcc with the calls of its thread sanitizer, for the geometries in xp_sets; the runtime
# and the port (what is the hardware's) are not.

S      ?= *
REPLAY ?=
XO     := $(O)/explore

XP_CFLAGS := -std=gnu11 -O1 -g -fno-strict-aliasing -fno-builtin -Wall -Wextra -Werror -Wno-format-truncation \
	-ffunction-sections -fdata-sections -ffile-prefix-map=./= -MMD -MP -I.
XP_TSAN := -fsanitize=thread -Wno-tsan --param tsan-distinguish-volatile=1 --param tsan-instrument-func-entry-exit=0 \
	-fno-toplevel-reorder

xp_sources := $(addprefix kernel/lib/,bitmap.c errname.c format.c format_pointer.c math.c parse.c rbtree.c size.c \
	string.c) $(wildcard kernel/core/xa*.c) kernel/core/cpumask.c \
	$(addprefix arch/x86/mm/,$(addsuffix .c,pgtable user_root pgtable_split pgtable_tables pgtable_level \
	pgtable_sync pgtable_parity pgtable_cpu asid tlb tlb_local tlb_batch tlb_gen lazy_mmu mtrr)) \
	$(addprefix mm/kva/,space/vm_index.c space/vm_range.c space/vm_cache.c block/vmap_block.c block/vmap_run.c \
	block/vmap_purge.c block/vm_map_ram.c map/memtype.c) mm/page/highmem.c \
	$(addprefix mm/user/,fault.c mm.c user_area.c user_fork.c user_page.c user_tree.c)
xp_port := $(wildcard tests/explore/port/*.c)
xp_scenarios := $(wildcard tests/explore/scenarios/*.c)
xp_runtime := $(patsubst %.c,$(XO)/%.o,$(wildcard tests/explore/runtime/*.c))

$(XO)/tests/explore/runtime/%.o: tests/explore/runtime/%.c tests/explore/explore.mk
	@mkdir -p $(@D)
	@gcc $(XP_CFLAGS) -O2 -c $< -o $@

$(XO)/code/toys/%.o: tests/explore/toys/%.c tests/explore/explore.mk
	@mkdir -p $(@D)
	@gcc $(XP_CFLAGS) $(XP_TSAN) -c $< -o $@

$(XO)/toys: $(xp_runtime) $(patsubst tests/explore/%.c,$(XO)/code/%.o,$(wildcard tests/explore/toys/*.c)) \
		tests/explore/explored.ld
	@gcc -no-pie -Wl,-T,tests/explore/explored.ld $(filter %.o,$^) -o $@

xp_link := gcc -no-pie -Wl,--gc-sections -Wl,--wrap=tlb_batch_flush -Wl,-T,tests/explore/explored.ld

# The real sources: $(1) set, $(2) levels, $(3) target whose table format it has, $(4) layout, $(5) physical address
define xp_build
xp_words_$(1) = gcc $(XP_CFLAGS) -DHOST_LEVELS=$(2) -DHOST_PHYS_ADDR=$(5) \
	-Itests/explore/port/include -Itests/host/port/include -Ikernel/include -Iarch/include -Imm/include \
	-Iarch/x86/include -Iarch/x86/target/$(3) -Dsnprintf=kvasir_snprintf -Dvsnprintf=kvasir_vsnprintf
xp_compile_$(1) = @mkdir -p $$(@D) && $$(xp_words_$(1)) -c $$< -o $$@

$(XO)/code/$(1)/tests/explore/port/%.o: tests/explore/port/%.c tests/explore/explore.mk
	$$(xp_compile_$(1))

$(XO)/code/$(1)/%.o: %.c tests/explore/explore.mk
	$$(xp_compile_$(1)) $(XP_TSAN) $$(xp_cflags_$$(notdir $$*))

$(XO)/code/$(1)/product.a: $(patsubst %.c,$(XO)/code/$(1)/%.o,$(xp_sources) arch/x86/mm/$(4).c)
	@rm -f $$@ && ar qcs $$@ $$^

$(XO)/$(1): $(xp_runtime) $(patsubst %.c,$(XO)/code/$(1)/%.o,$(xp_scenarios) $(xp_port)) $(XO)/code/$(1)/product.a \
		tests/explore/explored.ld
	@$(xp_link) $$(filter %.o %.a,$$^) -o $$@
endef

xp_cflags_string := -include tests/host/port/rename.h

$(eval $(call xp_build,4level,4,x86_64,layout_64,u64))
$(eval $(call xp_build,pae,3,i386-pae,layout_32,u64))

xp_sets := toys 4level pae

.PHONY: explore
explore: $(addprefix $(XO)/,$(xp_sets)) ## run small scenarios of the real code in every order that can matter (S=glob)
	@tests/explore/run -s '$(S)' $(if $(REPLAY),-r '$(REPLAY)') $(if $(LIMIT),-t $(LIMIT)) \
		$(if $(STATE),-f $(STATE)) $^

.PHONY: explore-broken
explore-broken: $(XO)/4level ## break the explored code (tests/explore/mutations, S=glob): scenarios must find it
	@tests/explore/mutate $< $(xp_words_4level) $(XP_TSAN) -- $(xp_link) -- '$(S)'

ifneq ($(filter explore explore-broken $(XO)/%,$(MAKECMDGOALS)),)
-include $(shell find $(XO) -name '*.d' 2>/dev/null)
endif
