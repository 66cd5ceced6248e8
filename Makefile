# SPDX-License-Identifier: BSD-2-Clause
# KungFuVisor: build, run, test. `make help` lists the targets.
#
#   CC=gcc|clang, CROSS_COMPILE=x86_64-linux-gnu-   the compiler
#   V=1                                             shows the commands
#   O=build                                         where everything that is made goes
#   MACHINE=tcg-svm|...                             the lane for run and test (tests/harness/lanes.py)

O ?= build
V ?= 0
Q := $(if $(filter 0,$(V)),@)
CROSS_COMPILE ?=
ifeq ($(origin CC),default)
CC := gcc
endif
# A cross prefix names GNU tools; clang is told the target instead.
ifneq ($(findstring clang,$(CC)),)
KCC := $(CC) --target=x86_64-unknown-none-elf
else
KCC := $(CROSS_COMPILE)$(CC)
endif
LD := $(CROSS_COMPILE)ld
NM := $(CROSS_COMPILE)nm
OBJCOPY := $(CROSS_COMPILE)objcopy
PYTHON ?= /usr/bin/python3
MACHINE ?= tcg-svm
export O CC CROSS_COMPILE MACHINE

.DEFAULT_GOAL := all
.PHONY: all image clean

KFLAGS := -std=gnu17 -I. -I$(O)/gen -O2 -g -ffreestanding -mcmodel=kernel -mno-red-zone \
	-mgeneral-regs-only -fno-pic -fno-omit-frame-pointer -momit-leaf-frame-pointer -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing -fcf-protection=none \
	-Wall -Wextra -Werror -Wno-address-of-packed-member
AFLAGS := -I. -D__ASSEMBLER__ -g

IMAGE_SRC := $(wildcard boot/*.c arch/x86/*.c arch/x86/svm/*.c arch/x86/vmx/*.c core/*.c \
	core/lib/*.c core/l1/*.c core/l2/*.c core/l3/*.c kfv/*.c kfv/agents/*.c diag/*.c drivers/*/*.c)
IMAGE_ASM := $(wildcard boot/start.S boot/ap.S core/*.S arch/x86/*.S arch/x86/svm/*.S arch/x86/vmx/*.S \
	drivers/*/*.S)
FAULTS_SRC := tests/faults/faults.c tests/faults/svm.c tests/faults/vmx.c
FAULTS_ASM := tests/faults/guest.S
TEST_SRC := tests/dialect.c $(wildcard tests/image/*.c) $(FAULTS_SRC)

image: $(O)/kfv.elf $(O)/kfv-test.elf

include drivers/firmware/firmware.mk

# One image from objects: linked, its symbols listed, linked again with them inside.
define image_rules
$(1)_OBJ := $$(patsubst %,$(O)/$(1)/%.o,$$(basename $$(IMAGE_SRC) $(2)) $$(IMAGE_ASM) $(4))
$(O)/$(1).elf: $$($(1)_OBJ) $(O)/gen/image.ld tools/symbols.sh
	$(Q)$(LD) -nostdlib -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments --build-id=none -T $(O)/gen/image.ld -o $(O)/$(1)/pass1.elf $$($(1)_OBJ)
	$(Q)NM=$(NM) tools/symbols.sh $(O)/$(1)/pass1.elf > $(O)/$(1)/symbols.S
	$(Q)$(KCC) $(AFLAGS) -c -o $(O)/$(1)/symbols.o $(O)/$(1)/symbols.S
	$(Q)$(LD) -nostdlib -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments --build-id=none -T $(O)/gen/image.ld -o $$@ $$($(1)_OBJ) $(O)/$(1)/symbols.o
$(O)/$(1)/%.o: %.c | $(O)/gen/font.h
	@mkdir -p $$(@D)
	$(Q)$(KCC) $(KFLAGS) $(3) -MMD -MP -c -o $$@ $$<
$(O)/$(1)/%.S.o: %.S $(IMAGE_GEN)
	@mkdir -p $$(@D)
	$(Q)$(KCC) $(AFLAGS) -I$(O)/gen $(3) -MMD -MP -c -o $$@ $$<
-include $$($(1)_OBJ:.o=.d)
endef

$(eval $(call image_rules,kfv,,-DCONFIG_TEST=0))
$(eval $(call image_rules,kfv-test,$$(TEST_SRC),-DCONFIG_TEST=1,$$(FAULTS_ASM)))

$(O)/gen/image.ld: boot/image.ld.S boot/layout.h
	@mkdir -p $(@D)
	$(KCC) -E -P -x assembler-with-cpp -D__ASSEMBLER__ -I. -o $@ $<

$(O)/gen/font.h: tools/font.py
	@mkdir -p $(@D)
	$(PYTHON) tools/font.py > $@.tmp && mv $@.tmp $@

all: image

clean:
	rm -rf $(O)

include tools/tools.mk
include tests/guests/guests.mk
include tests/host/host.mk
