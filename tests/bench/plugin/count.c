/* SPDX-License-Identifier: MIT */
/*
 * A plugin for QEMU (-plugin count.so,...): counts what the guest executes between its calls of bench_begin() and
 * bench_end(), on each CPU by itself, and writes it down at each bench_report().
 *
 *	begin=ADDR end=ADDR report=ADDR		those three functions
 *	out=FILE				where the counts go
 *	count=locked|all|memory|off|bound	locked instructions; every instruction; accesses to memory by line; how
 *						long interrupts are off, on every CPU while one is between the two
 *						calls; how long a thread cannot be preempted: interrupts are off, or
 *						the CPU's preempt_count is not 0, and locked instructions
 *	stubs=ADDR				where the CPU begins at an interrupt (off, bound): 256 times 16 bytes
 *	preempt=ADDR				preempt_count as the kernel is linked (bound)
 *
 * What is written, addresses in hex, counts of CPUs 0 and 1:
 *
 *	insn ADDR LOCKED COUNT COUNT		an instruction; LOCKED: it locks the bus (LOCK, or XCHG with memory)
 *	line ADDR INSN LOCKED READS WRITES READS WRITES		a line of 64 bytes of physical memory and who used it
 *	off FROM TO LONGEST TIMES		instructions from a CLI or a stub to the STI or IRET that ends it; with
 *						bound from what forbids preemption first to what allows it at last
 *	end					of this report
 *
 * It runs inside QEMU on several threads at a time, hence the atomic operations. The interface below is that of QEMU
 * 6.0 to 8.2 (docs/devel/tcg-plugins); only what is used is declared.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define CPUS   2u  /* that are counted each by itself */
#define MOST   64u /* whose stretches are watched */
#define SLOTS  (1u << 18)
#define LINE   6
#define STUBS  (256u * 16u)
#define STUB   16u

enum { NO_REGS = 0 };
enum { MEM_READ_WRITE = 3 };
enum { INLINE_ADD_U64 = 0 };
typedef void (*executed_fn)(unsigned int cpu, void *data);
typedef void (*accessed_fn)(unsigned int cpu, uint32_t info, uint64_t virt, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*translated)(uint64_t id, void *block));
void qemu_plugin_register_vcpu_tb_exec_cb(void *block, executed_fn fn, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(void *insn, executed_fn fn, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(void *insn, int op, void *sum, uint64_t value);
void qemu_plugin_register_vcpu_mem_cb(void *insn, accessed_fn fn, int flags, int rw, void *data);
size_t qemu_plugin_tb_n_insns(const void *block);
void *qemu_plugin_tb_get_insn(const void *block, size_t nr);
const void *qemu_plugin_insn_data(const void *insn);
size_t qemu_plugin_insn_size(const void *insn);
uint64_t qemu_plugin_insn_vaddr(const void *insn);
bool qemu_plugin_mem_is_store(uint32_t info);
void *qemu_plugin_get_hwaddr(uint32_t info, uint64_t virt);
uint64_t qemu_plugin_hwaddr_phys_addr(const void *hwaddr);

EXPORT int qemu_plugin_version = 1;

/* One a place: an instruction (line 0), or an instruction and a line of memory, or (off) two instructions. */
struct slot {
	uint64_t insn, line;
	bool used, locked;
	uint64_t count[CPUS], writes[CPUS];
};

static struct slot slots[SLOTS];
static bool active[MOST];
/* What a CPU has executed, and its stretch; from 0: it is in none. nested: traps that struck meanwhile. */
static struct stretch {
	bool off;
	unsigned int nested, preempt;
	uint64_t from, start, executed;
} stretch[MOST];
/* With icount the CPUs take turns on one thread: of all instructions those since `turn` are `running`'s. */
static uint64_t executed_in_all, turn;
static unsigned int running;
static uint64_t preempt;
static uint64_t stubs;
static uint64_t marker[3];
static const char *const marker_names[3] = { "begin", "end", "report" };
static enum { LOCKED, ALL, MEMORY, OFF, BOUND } what;
static const char *const kinds[] = { "locked", "all", "memory", "off", "bound" };
static FILE *out;

/* --- the table ---------------------------------------------------------------------------------------------------- */

static struct slot *find_slot(uint64_t insn, uint64_t line, bool locked)
{
	static char busy;
	uint32_t at = (uint32_t)((insn * 0x9e3779b97f4a7c15u + line * 0xc2b2ae3d27d4eb4fu) >> 40) % SLOTS;
	struct slot *slot;

	while (__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE))
		;
	for (slot = &slots[at]; slot->used && (slot->insn != insn || slot->line != line);)
		slot = ++at % SLOTS ? slot + 1 : slots;
	slot->used = true;
	slot->insn = insn;
	slot->line = line;
	slot->locked = locked;
	__atomic_clear(&busy, __ATOMIC_RELEASE);
	return slot;
}

static void report(unsigned int cpu, void *data)
{
	(void)cpu, (void)data;
	for (struct slot *s = slots; s < slots + SLOTS; s++) {
		if (!s->count[0] && !s->count[1] && !s->writes[0] && !s->writes[1])
			continue;
		if (what == MEMORY)
			fprintf(out, "line %lx %lx %d %lu %lu %lu %lu\n", s->line << LINE, s->insn, s->locked,
				s->count[0], s->writes[0], s->count[1], s->writes[1]);
		else if (what == OFF || (what == BOUND && s->line))
			fprintf(out, "off %lx %lx %lu %lu\n", s->insn, s->line, s->count[0], s->count[1]);
		else
			fprintf(out, "insn %lx %d %lu %lu\n", s->insn, s->locked, s->count[0], s->count[1]);
		memset(s->count, 0, sizeof(s->count));
		memset(s->writes, 0, sizeof(s->writes));
	}
	fprintf(out, "end\n");
	fflush(out);
}

/* --- what QEMU calls while the guest runs ------------------------------------------------------------------------- */

static void begin(unsigned int cpu, void *data)
{
	(void)data;
	active[cpu % MOST] = true;
}

static void end(unsigned int cpu, void *data)
{
	(void)data;
	active[cpu % MOST] = false;
}

static void executed(unsigned int cpu, void *data)
{
	struct slot *slot = data;

	if (active[cpu % MOST])
		slot->count[cpu % CPUS]++;
}

/* data: the instruction's own slot, from which its address and kind are taken. */
static void accessed(unsigned int cpu, uint32_t info, uint64_t virt, void *data)
{
	const struct slot *insn = data;
	struct slot *slot;
	void *hwaddr;

	if (!active[cpu % MOST] || !(hwaddr = qemu_plugin_get_hwaddr(info, virt)))
		return;
	slot = find_slot(insn->insn, qemu_plugin_hwaddr_phys_addr(hwaddr) >> LINE, insn->locked);
	if (qemu_plugin_mem_is_store(info))
		slot->writes[cpu % CPUS]++;
	else
		slot->count[cpu % CPUS]++;
}

/* --- stretches without interrupts or preemption ------------------------------------------------------------------- */

static void runs(unsigned int cpu, void *data)
{
	(void)data;
	if (cpu == running)
		return;
	stretch[running % MOST].executed += executed_in_all - turn;
	turn = executed_in_all;
	running = cpu;
}

static uint64_t now(unsigned int cpu) { return stretch[cpu % MOST].executed + executed_in_all - turn; }

static bool any_active(void) { return memchr(active, true, sizeof(active)) != NULL; }

static bool in_stretch(const struct stretch *s) { return s->off || s->preempt; }

static void begin_stretch(unsigned int cpu, void *from)
{
	struct stretch *s = &stretch[cpu % MOST];

	if (in_stretch(s))
		return;
	s->from = (uint64_t)(uintptr_t)from;
	s->start = now(cpu);
}

static void end_stretch(unsigned int cpu, void *to)
{
	struct stretch *s = &stretch[cpu % MOST];
	uint64_t length = now(cpu) - s->start, from = s->from;
	struct slot *slot;

	if (in_stretch(s))
		return;
	s->from = 0;
	if (!from || !any_active())
		return;
	slot = find_slot(from, (uint64_t)(uintptr_t)to, false);
	slot->count[0] = slot->count[0] > length ? slot->count[0] : length;
	slot->count[1]++;
}

static void turn_off(unsigned int cpu, void *from)
{
	begin_stretch(cpu, from);
	if (!stretch[cpu % MOST].off)
		stretch[cpu % MOST].nested = 0;
	stretch[cpu % MOST].off = true;
}

static void trap(unsigned int cpu, void *from)
{
	if (stretch[cpu % MOST].off)
		stretch[cpu % MOST].nested++;
	else
		turn_off(cpu, from);
}

static void turn_on(unsigned int cpu, void *to)
{
	if (!stretch[cpu % MOST].off)
		return;
	stretch[cpu % MOST].off = false;
	end_stretch(cpu, to);
}

static void trap_return(unsigned int cpu, void *to)
{
	if (stretch[cpu % MOST].off && stretch[cpu % MOST].nested)
		stretch[cpu % MOST].nested--;
	else
		turn_on(cpu, to);
}

static void preempt_up(unsigned int cpu, void *from)
{
	begin_stretch(cpu, from);
	stretch[cpu % MOST].preempt++;
}

static void preempt_down(unsigned int cpu, void *to)
{
	stretch[cpu % MOST].preempt--;
	end_stretch(cpu, to);
}

/*
 * What the instruction does to preempt_count; NULL: nothing. It is an ADD, SUB, INC or DEC of the CPU's word: segment,
 * opcode, an address relative to the next instruction (GS, 64 bits) or absolute (FS), and an immediate byte or none.
 */
static executed_fn preempt_change(const uint8_t *code, size_t size, uint64_t addr)
{
	int32_t offset;
	bool down;

	if (size < 7 || (code[0] != 0x64 && code[0] != 0x65) || (code[1] != 0x83 && code[1] != 0xff))
		return NULL;
	memcpy(&offset, code + 3, sizeof(offset));
	if ((code[0] == 0x65 ? addr + size + (uint64_t)(int64_t)offset : (uint32_t)offset) != preempt)
		return NULL;
	if (code[1] == 0xff)
		return code[2] == 0x05 ? preempt_up : code[2] == 0x0d ? preempt_down : NULL;
	if (code[2] != 0x05 && code[2] != 0x2d)
		return NULL;
	down = (code[2] == 0x2d) != (code[7] >= 0x80);
	return down ? preempt_down : preempt_up;
}

/* What the instruction does to the interrupt flag; NULL: nothing. (The kernel changes it with POPF only at boot.) */
static executed_fn flag_change(const uint8_t *code, size_t size, uint64_t addr)
{
	if (addr - stubs < STUBS && addr % STUB == 0)
		return trap;
	if (code[size - 1] == 0xcf && (size == 1 || (size == 2 && code[0] == 0x48)))
		return trap_return;
	return size != 1 ? NULL : code[0] == 0xfa ? turn_off : code[0] == 0xfb ? turn_on : NULL;
}

static void instrument_off(void *insn, uint64_t addr)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);
	executed_fn change = flag_change(code, size, addr);

	if (!change && what == BOUND)
		change = preempt_change(code, size, addr);
	qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &executed_in_all, 1);
	if (change)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, change, NO_REGS, (void *)(uintptr_t)addr);
}

/* --- translation -------------------------------------------------------------------------------------------------- */

static bool is_prefix(uint8_t byte)
{
	return memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf2\xf3", byte, 10) || (byte & 0xf0) == 0x40;
}

/*
 * A LOCK prefix, or XCHG with a memory operand. (REX bytes are whole instructions on i386, never followed by anything.)
 */
static bool is_locked(const uint8_t *code, size_t size)
{
	size_t i = 0;

	while (i < size && is_prefix(code[i]))
		i++;
	if (i < size && code[i] == 0xf0)
		return true;
	return i + 1 < size && (code[i] & 0xfe) == 0x86 && code[i + 1] < 0xc0;
}

static void instrument(void *insn)
{
	static const executed_fn at_marker[3] = { begin, end, report };
	uint64_t addr = qemu_plugin_insn_vaddr(insn);
	bool locked = is_locked(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn));

	for (unsigned int i = 0; i < 3; i++)
		if (addr == marker[i])
			qemu_plugin_register_vcpu_insn_exec_cb(insn, at_marker[i], NO_REGS, NULL);
	if (what == OFF || what == BOUND)
		instrument_off(insn, addr);
	if (what == MEMORY)
		qemu_plugin_register_vcpu_mem_cb(insn, accessed, NO_REGS, MEM_READ_WRITE, find_slot(addr, 0, locked));
	else if (what == ALL || (locked && what != OFF))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, NO_REGS, find_slot(addr, 0, locked));
}

static void translated(uint64_t id, void *block)
{
	(void)id;
	if (what == OFF || what == BOUND)
		qemu_plugin_register_vcpu_tb_exec_cb(block, runs, NO_REGS, NULL);
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++)
		instrument(qemu_plugin_tb_get_insn(block, i));
}

/* --- arguments ---------------------------------------------------------------------------------------------------- */

static bool take_argument(const char *arg)
{
	const char *value = strchr(arg, '=');
	size_t len = value ? (size_t)(value++ - arg) : 0;

	for (unsigned int i = 0; i < 3; i++)
		if (len == strlen(marker_names[i]) && !strncmp(arg, marker_names[i], len))
			return (marker[i] = strtoull(value, NULL, 16)) != 0;
	if (len == 5 && !strncmp(arg, "stubs", len))
		return (stubs = strtoull(value, NULL, 16)) != 0;
	if (len == 7 && !strncmp(arg, "preempt", len))
		return (preempt = strtoull(value, NULL, 16)) != 0;
	if (len == 3 && !strncmp(arg, "out", len))
		return (out = fopen(value, "w")) != NULL;
	if (len != 5 || strncmp(arg, "count", len))
		return false;
	for (what = LOCKED; what <= BOUND && strcmp(value, kinds[what]);)
		what++;
	return what <= BOUND;
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (take_argument(argv[i]))
			continue;
		fprintf(stderr, "count.so: bad argument %s\n", argv[i]);
		return 1;
	}
	if (!out)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
