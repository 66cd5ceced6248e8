# SPDX-License-Identifier: BSD-2-Clause
# The test guests: multiboot kernels that run under KungFuVisor and, as they are, on QEMU:
#
#   make guests
#   qemu-system-x86_64 -M q35 -nographic -kernel build/guests/hello.elf \
#	-device isa-debug-exit,iobase=0xf4,iosize=4

GUESTS := attack faults restless smp $(patsubst tests/guests/%.c,%,$(wildcard tests/guests/*.c))
GUEST_KIT := $(patsubst %,$(O)/guests/%.o,$(basename $(wildcard tests/guests/kit/*.c)) \
	tests/guests/kit/start.S core/lib/fmt core/lib/string)
HELLO_OBJ := $(patsubst %,$(O)/guests/%.o,tests/dialect \
	$(basename $(wildcard tests/guests/hello/*.c)))
SMP_OBJ := $(patsubst %,$(O)/guests/%.o,tests/dialect tests/guests/smp/main \
	tests/guests/smp/ap.S)
ATTACK_OBJ := $(patsubst %.c,$(O)/guests/%.o,$(wildcard tests/guests/attack/*.c))
RESTLESS_OBJ := $(O)/guests/tests/guests/restless.S.o
# Not a guest: it runs on the bare emulator, to show what that gets wrong.
FAULTS_OBJ := $(patsubst %,$(O)/guests/%.o,tests/faults/kernel $(basename $(FAULTS_SRC)) $(FAULTS_ASM))
GUEST_OBJ := $(GUEST_KIT) $(HELLO_OBJ) $(SMP_OBJ) $(ATTACK_OBJ) $(FAULTS_OBJ) $(RESTLESS_OBJ) \
	$(patsubst %.c,$(O)/guests/%.o,$(wildcard tests/guests/*.c))
GUEST_FLAGS := -std=gnu17 -I. -O2 -g -ffreestanding -mno-red-zone -mgeneral-regs-only -fno-pic \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing \
	-fcf-protection=none -Wall -Wextra -Werror

.PHONY: guests
guests: $(GUESTS:%=$(O)/guests/%.elf) $(O)/guests/place $(O)/guests/bios.bin

$(O)/guests/hello.elf: $(HELLO_OBJ)

# The 32-bit wrapping is for QEMU, whose -kernel refuses ELF64 with a multiboot header.
$(O)/guests/attack.elf: $(ATTACK_OBJ)
$(O)/guests/faults.elf: $(FAULTS_OBJ)
$(O)/guests/smp.elf: $(SMP_OBJ)
$(filter-out %/attack.elf %/faults.elf %/restless.elf %/smp.elf,$(GUESTS:%=$(O)/guests/%.elf)): \
	$(O)/guests/%.elf: $(O)/guests/tests/guests/%.o

define link_guest
	$(LD) -nostdlib -static --build-id=none --no-warn-rwx-segments -z noexecstack \
		-z max-page-size=4096 -T tests/guests/kit/link.ld -o $@.64 $(filter %.o,$^)
	$(OBJCOPY) -O elf32-i386 $@.64 $@
endef

$(O)/guests/restless.elf: $(RESTLESS_OBJ) tests/guests/kit/link.ld
	$(link_guest)

$(O)/guests/%.elf: $(GUEST_KIT) tests/guests/kit/link.ld
	$(link_guest)

$(O)/guests/%.o: %.c
	@mkdir -p $(@D)
	$(KCC) $(GUEST_FLAGS) -MMD -MP -c -o $@ $<

$(O)/guests/%.S.o: %.S
	@mkdir -p $(@D)
	$(KCC) -I. -D__ASSEMBLER__ -g -c -o $@ $<

# The image's loaders as a program of the host, and a firmware that enters what they prepared.
PLACE_SRC := tests/guests/bare/place.c drivers/firmware/load.c drivers/firmware/linux.c drivers/firmware/multiboot.c \
	drivers/firmware/acpi.c core/lib/fmt.c
$(O)/guests/place: $(PLACE_SRC) drivers/api/load.h drivers/api/guest_acpi.h $(O)/host/drivers/firmware/dsdt.S.o
	@mkdir -p $(@D)
	$(HOST_CC) -std=gnu17 -I. -g -O1 -Wall -Wextra -Werror -o $@ $(filter %.c %.o,$^)

$(O)/guests/bios.bin: $(O)/guests/tests/guests/bare/bios.S.o
	$(LD) -nostdlib --build-id=none -Ttext=0xf0000 -e 0xf0000 -o $@.elf $<
	$(OBJCOPY) -O binary -j .text $@.elf $@

.SECONDARY: $(GUEST_OBJ)
-include $(GUEST_OBJ:.o=.d)
