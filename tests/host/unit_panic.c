/* SPDX-License-Identifier: MIT */
/*
 * A panic is never silent: whatever fails under the report, what can still be said is said, and the machine ends. The
 * kernel's own panic.c and console.c, with consoles that can be broken; the port's panic has another name here.
 */
#define panic		   kernel_panic
#define panic_at	   kernel_panic_at
#define panic_set_ops	   kernel_panic_set_ops
#define panic_in_progress  kernel_panic_in_progress
#define printk		   said
#define print_line	   said
#define printk_break_lock  lock_broken
#define arch_cpu_stop	   cpu_stopped
#define ktest_active	   no_test
#define ktest_bail_out	   bail_out
#define backtrace_print	   no_backtrace
#define backtrace_here	   no_backtrace_here
#define arch_console_write written
#define arch_console_size  no_size
#define arch_console_typed_at_screen typed_nowhere
#define screen_probe	   fake_screen
#define serial_probe	   fake_serial
#define serial_map	   fake_map
#define keyboard_probe	   fake_keyboard
#include "kernel/core/panic.c"
#include "arch/x86/cpu/console/console.c"
#include "tests/host/port/host.h"

#include <lib/string.h>
#include <setjmp.h>

enum ending { EXITED = 1, STOPPED };

static jmp_buf ended;
static char on_uart[4096], on_screen[4096];
static bool uart_broken, screen_broken, words_broken, registers_broken, exit_broken, uart_there;

/* --- what panic.c and console.c ask for --------------------------------------------------------------------------- */

void said(const char *fmt, ...)
{
	char text[512];
	va_list args;

	if (words_broken)
		kernel_panic("nothing can be said");
	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	written(text, strlen(text));
}

void cpu_stopped(void) { longjmp(ended, STOPPED); }
void lock_broken(void) { }
bool no_test(void) { return false; }
void bail_out(const char *message) { (void)message; }
void no_backtrace(vaddr_t pc, vaddr_t from) { (void)pc; (void)from; }
void no_backtrace_here(void) { }

/* There is no frame. */
vaddr_t trap_frame_pc(const struct trap_frame *frame) { (void)frame; return 0; }
vaddr_t trap_frame_stack(const struct trap_frame *frame) { (void)frame; return 0; }

static void append(char *to, const char *text, size_t len)
{
	size_t have = strlen(to);

	if (have + len < sizeof(on_uart)) {
		memcpy(to + have, text, len);
		to[have + len] = '\0';
	}
}

static void write_uart(const char *text, size_t len)
{
	if (uart_broken)
		kernel_panic("the UART is broken");
	append(on_uart, text, len);
}

static void write_screen(const char *text, size_t len)
{
	if (screen_broken)
		kernel_panic("the screen is broken");
	append(on_screen, text, len);
}

static const struct console_driver uart = { .name = "UART", .write = write_uart },
				   screen = { .name = "screen", .write = write_screen };

const struct console_driver *serial_probe(void) { return uart_there ? &uart : NULL; }
void serial_map(void) { }
const struct console_driver *screen_probe(const struct boot_info *boot) { (void)boot; return &screen; }
const struct console_driver *keyboard_probe(void) { return NULL; }

bool arch_console_size(unsigned int *cols, unsigned int *lines)
{
	*cols = *lines = 0;
	return false;
}

static void print_registers(struct trap_frame *frame)
{
	(void)frame;
	if (registers_broken)
		kernel_panic("a fault in the report");
	said("registers\n");
}

static void ops_exit(void)
{
	if (exit_broken)
		kernel_panic("no way out");
	longjmp(ended, EXITED);
}

static const struct panic_ops all_ops = { .print_registers = print_registers, .exit = ops_exit };

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void start(bool consoles)
{
	on_uart[0] = on_screen[0] = '\0';
	uart_broken = screen_broken = words_broken = registers_broken = exit_broken = false;
	uart_there = true;
	panic_cpu = 0;
	panics_here = 0;
	nr_consoles = 0;
	busy = NULL;
	in_panic = false;
	kernel_panic_set_ops(&all_ops);
	if (consoles) {
		arch_console_early_init();
		arch_console_init(NULL);
	}
}

static int end_of_panic(void)
{
	int how = setjmp(ended);

	if (!how)
		kernel_panic("number %d", 7);
	return how;
}

static void whole_report(void **state)
{
	(void)state;
	start(true);
	assert_int_equal(end_of_panic(), EXITED);
	assert_non_null(strstr(on_uart, "panic on cpu 0: number 7"));
	assert_non_null(strstr(on_screen, "registers"));
	assert_non_null(strstr(on_screen, "# exit: CRASH"));
}

static void before_there_is_a_console(void **state)
{
	(void)state;
	start(false);
	assert_int_equal(end_of_panic(), EXITED);
	assert_non_null(strstr(on_uart, "panic on cpu 0: number 7"));
	assert_non_null(strstr(on_uart, "# exit: CRASH"));
}

static void a_console_fails(void **state)
{
	(void)state;
	start(true);
	screen_broken = true;
	assert_int_equal(end_of_panic(), EXITED);
	assert_non_null(strstr(on_uart, "number 7"));
	assert_non_null(strstr(on_uart, "panic inside a panic: the screen is broken"));
	assert_non_null(strstr(on_uart, "# exit: CRASH"));
	start(true);
	uart_broken = true;
	assert_int_equal(end_of_panic(), EXITED);
	assert_non_null(strstr(on_screen, "panic inside a panic: the UART is broken"));
	assert_non_null(strstr(on_screen, "# exit: CRASH"));
}

/* An ordinary write was interrupted by the panic: that console is not to blame. */
static void a_console_was_busy(void **state)
{
	(void)state;
	start(true);
	busy = &uart;
	assert_int_equal(end_of_panic(), EXITED);
	assert_non_null(strstr(on_uart, "# exit: CRASH"));
}

static void everything_fails(void **state)
{
	(void)state;
	start(true);
	uart_broken = screen_broken = true;
	assert_int_equal(end_of_panic(), EXITED);
	start(true);
	uart_broken = screen_broken = exit_broken = true;
	assert_int_equal(end_of_panic(), STOPPED);
	start(true);
	words_broken = true; /* nobody is asked to print any more, and the way out works */
	assert_int_equal(end_of_panic(), EXITED);
}

static void the_report_fails(void **state)
{
	(void)state;
	start(true);
	registers_broken = true;
	assert_int_equal(end_of_panic(), EXITED);
	assert_non_null(strstr(on_uart, "number 7"));
	assert_non_null(strstr(on_uart, "panic inside a panic: a fault in the report"));
	assert_non_null(strstr(on_uart, "# exit: CRASH"));
	start(true);
	exit_broken = true;
	assert_int_equal(end_of_panic(), STOPPED);
	assert_non_null(strstr(on_uart, "panic inside a panic: no way out"));
}

static void another_cpu_reports(void **state)
{
	(void)state;
	start(true);
	panic_cpu = 5;
	assert_int_equal(end_of_panic(), STOPPED);
	assert_string_equal(on_uart, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_report),        cmocka_unit_test(before_there_is_a_console),
		cmocka_unit_test(a_console_fails),     cmocka_unit_test(a_console_was_busy),
		cmocka_unit_test(everything_fails),    cmocka_unit_test(the_report_fails),
		cmocka_unit_test(another_cpu_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
