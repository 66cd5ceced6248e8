# SPDX-License-Identifier: BSD-2-Clause
# Unit tests and fuzzing of the pure sources on the host. Included by the top Makefile; also works
# alone from the top folder: make -f tests/host/host.mk host-tests
#
#   host-tests   build and run the unit tests under ASan and UBSan (FILTER=text: only some)
#   fuzz         run every tests/fuzz/fuzz_*.c for FUZZ_SECONDS; results in $(O)/results/fuzz.json

O ?= build
HOST_CC ?= gcc
CLANG ?= clang
FUZZ_SECONDS ?= 20

# Pure: no hardware, no nucleus state. string.c would replace the C library's; its test includes it.
HOST_PURE_SRC := $(filter-out core/lib/string.c,$(wildcard core/lib/*.c)) boot/efi.c boot/screen.c \
	core/l3/insn.c $(wildcard drivers/*/*.c)
# The framework with all but its hands, which the tests replace (tests/host/kfv_fake.c).
HOST_KFV_SRC := core/hrsc.c diag/defence_commands.c diag/evidence_text.c \
	$(filter-out kfv/actuators.c,$(wildcard kfv/*.c kfv/agents/*.c)) diag/witness.c
# The emulator, over the machine of tests/host/machine.c.
HOST_EMUL_SRC := core/l2/regions.c \
	$(addprefix core/l3/,fetch.c gate.c io.c mmio.c operand.c string.c walk.c)
HOST_TEST_SRC := tests/dialect.c $(wildcard tests/host/*.c)
HOST_FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

HOST_FLAGS := -std=gnu17 -I. -I$(O)/gen -g -O1 -Wall -Wextra -Werror -fno-omit-frame-pointer \
	-fno-sanitize-recover=undefined
HOST_DATA := $(O)/host/drivers/firmware/dsdt.S.o
HOST_OBJ := $(patsubst %.c,$(O)/host/%.o,$(HOST_PURE_SRC) $(HOST_KFV_SRC) $(HOST_EMUL_SRC) \
	$(HOST_TEST_SRC)) $(HOST_DATA)
FUZZ_OBJ := $(patsubst %.c,$(O)/fuzz/%.o,$(HOST_PURE_SRC) tests/host/fake_gate.c tests/host/fake_bus.c \
	tests/host/fake_lock.c) $(HOST_DATA)

FUZZ_OBJ += $(patsubst %,$(O)/fuzz/tests/host/%_card.o,ne e1000 vnet nvme)
FUZZ_OBJ += $(O)/fuzz/tests/host/ahci_hba.o
EMUL_FUZZ_OBJ := $(patsubst %.c,$(O)/fuzz/%.o,$(HOST_EMUL_SRC) tests/host/machine.c)
$(O)/host/core/l3/%.o $(O)/fuzz/core/l3/%.o: HOST_FLAGS += -include tests/host/machine_names.h

# What the policy's compiler answers can be damaged on its way (tests/host/kfv_fake.c).
$(O)/host/kfv/policy.o: HOST_FLAGS += -Dpolicy_compile=fake_policy_compile

ifndef DSDT_AML
include drivers/firmware/firmware.mk
endif

.PHONY: host-tests fuzz

ifndef KFLAGS # alone
$(O)/gen/font.h: tools/font.py
	@mkdir -p $(@D)
	tools/font.py > $@.tmp && mv $@.tmp $@
endif

host-tests: $(O)/host/host-tests
	$< $(FILTER)

$(O)/host/host-tests: $(HOST_OBJ)
	$(HOST_CC) -fsanitize=address,undefined -o $@ $^ -lcapstone

$(O)/host/%.o: %.c | $(O)/gen/font.h
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_FLAGS) -fsanitize=address,undefined -MMD -MP -c -o $@ $<

$(O)/host/%.S.o: %.S $(DSDT_AML)
	@mkdir -p $(@D)
	$(HOST_CC) -I. -I$(O)/gen -c -o $@ $<

fuzz: $(HOST_FUZZERS:%=$(O)/fuzz/fuzz_%)
	tests/fuzz/run.py --seconds $(FUZZ_SECONDS) --work $(O)/fuzz \
		--json $(O)/results/fuzz.json $(HOST_FUZZERS)

$(O)/fuzz/fuzz_%: $(O)/fuzz/tests/fuzz/fuzz_%.o $(FUZZ_OBJ)
	$(CLANG) -fsanitize=fuzzer,address,undefined -o $@ $^ -lcapstone

$(O)/fuzz/fuzz_emulate: $(EMUL_FUZZ_OBJ)

$(O)/fuzz/%.o: %.c | $(O)/gen/font.h
	@mkdir -p $(@D)
	$(CLANG) $(HOST_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

.SECONDARY: $(HOST_FUZZERS:%=$(O)/fuzz/tests/fuzz/fuzz_%.o)

-include $(HOST_OBJ:.o=.d) $(FUZZ_OBJ:.o=.d) $(EMUL_FUZZ_OBJ:.o=.d) \
	$(HOST_FUZZERS:%=$(O)/fuzz/tests/fuzz/fuzz_%.d)
