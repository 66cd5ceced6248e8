# SPDX-License-Identifier: BSD-2-Clause
# The guest's DSDT, compiled; drivers/firmware/dsdt.S embeds it.

DSDT_AML := $(O)/gen/dsdt.aml
IMAGE_GEN += $(DSDT_AML)

$(DSDT_AML): drivers/firmware/dsdt.asl
	@mkdir -p $(@D)
	@iasl -we -vs -p $(basename $@) $< > $(basename $@).log 2>&1 || \
		{ cat $(basename $@).log >&2; rm -f $@; false; }
