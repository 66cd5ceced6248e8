/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence leaves through the ring of the second serial port, a line whole or not at all. */
#include "core/l1/evidence_port.h"

#include "core/l1/log.h"
#include "core/l1/uart_port.h"

static u64 dropped; /* (o) */

static void evidence_irq(struct hrsc *h, u32 line)
{
	(void)h;
	(void)line;
	lock_take(&console_lock);
	uart_port_irq(&uart_evidence);
	lock_give(&console_lock);
}

static const struct l1_if evidence_l1 = { .irq = evidence_irq };
static struct hrsc evidence_hrsc = { .l1 = &evidence_l1 };

void evidence_init(void)
{
	if (hrsc_add(&evidence_hrsc, HRSC_CONSOLE, 0, "evidence")) {
		log_warn("evidence: no room for the second serial port");
		return;
	}
	uart_port_start(&uart_evidence, &evidence_hrsc);
}

void evidence_emit(const char *json, u32 len)
{
	if (uart_evidence.probed && !uart_evidence.present)
		return;
	lock_take(&console_lock);
	if (ring_free(&uart_evidence.tx) < (u64)len + 1) {
		dropped++;
		len = 0;
	}
	for (u32 i = 0; i < len; i++)
		ring_put(&uart_evidence.tx, (u8)json[i]);
	if (len)
		ring_put(&uart_evidence.tx, '\n');
	lock_give(&console_lock);
}

void evidence_poll(void)
{
	uart_port_send(&uart_evidence);
}

u64 evidence_dropped(void)
{
	return dropped;
}
