/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is typed at the console (diag/typing.c): lines to the hypervisor are commands, bytes for a
 * VM wait until its UART takes them.
 */
#pragma once

#include "drivers/api/terminal.h"

/* Takes all that the serial port has, as far as the terminal takes keys; runs commands. */
void typing_take(struct terminal *t);
/* Offers the VMs what was typed for them; false: some UART has to be asked again. */
bool typing_give(void);
/* A VM was made under this id. */
void typing_forget(u16 vm_id);
/* Gives the line to a VM, or to "kfv"; false when there is none of that name. */
bool console_focus(const char *name);
