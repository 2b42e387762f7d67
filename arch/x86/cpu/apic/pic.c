/* SPDX-License-Identifier: MIT */
/*
 * The two 8259 interrupt controllers. Their interrupts are moved away from the exception vectors and masked. The PIT's
 * line is opened only if there is no local APIC or its timer does not work. (Intel 8259A data sheet.)
 */
#include <asm/io.h>
#include <asm/platform.h>
#include <asm/trap.h>

#define MASTER 0x20
#define SLAVE  0xa0
#define COMMAND(pic) (pic)
#define DATA(pic)    ((pic) + 1)

#define ICW1_INIT_ICW4	0x11
#define ICW4_8086	0x01
#define OCW2_EOI	0x20
#define OCW3_READ_ISR	0x0b
#define SLAVE_LINE	2 /* of the master */
#define LAST_LINE	7 /* a controller delivers a request that has vanished (a spurious one) as this line */

/* Old controllers need a pause between two writes. */
static void pic_write(u8 value, u16 port)
{
	outb(value, port);
	io_wait();
}

void pic_init(void)
{
	pic_write(0xff, DATA(MASTER));
	pic_write(0xff, DATA(SLAVE));
	pic_write(ICW1_INIT_ICW4, COMMAND(MASTER));
	pic_write(VECTOR_PIC, DATA(MASTER));
	pic_write(1 << SLAVE_LINE, DATA(MASTER));
	pic_write(ICW4_8086, DATA(MASTER));
	pic_write(ICW1_INIT_ICW4, COMMAND(SLAVE));
	pic_write(VECTOR_PIC + 8, DATA(SLAVE));
	pic_write(SLAVE_LINE, DATA(SLAVE));
	pic_write(ICW4_8086, DATA(SLAVE));
	pic_write(0xff, DATA(MASTER));
	pic_write(0xff, DATA(SLAVE));
}

void pic_unmask(unsigned int irq)
{
	u16 port = irq < 8 ? DATA(MASTER) : DATA(SLAVE);

	outb(inb(port) & (u8)~(1U << (irq & 7)), port);
	if (irq >= 8)
		pic_unmask(SLAVE_LINE);
}

/* A spurious request is not in service, so it must not be acknowledged. */
static bool in_service(u16 pic, unsigned int line)
{
	outb(OCW3_READ_ISR, COMMAND(pic));
	return inb(COMMAND(pic)) & (1U << line);
}

void pic_eoi(unsigned int irq)
{
	unsigned int line = irq & 7;
	u16 pic = irq < 8 ? MASTER : SLAVE;

	if (line != LAST_LINE || in_service(pic, line))
		outb(OCW2_EOI, COMMAND(pic));
	if (pic == SLAVE)
		outb(OCW2_EOI, COMMAND(MASTER)); /* the slave's request to the master was real even then */
}
