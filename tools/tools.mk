# SPDX-License-Identifier: BSD-2-Clause
# What is done with the images: run, test, check. Included by the top Makefile.
#
#   setup   install the missing Debian packages, or print how
#   guest   Debian's kernel and a small initramfs in $(O)/guest
#   iso     $(O)/kfv.iso, for BIOS and UEFI, CD and stick
#   run     boot it on MACHINE with this terminal as its serial line (RUN_FLAGS: see tools/run.py)
#   lint    every check that needs no machine
#   attacks each attack with the defence off, detecting, on: a table, $(O)/results/attacks.json
#   demo    one attack with the defence off and on, for people to watch (DEMO_FLAGS: --attack A02)
#   faults  random faults in confined drivers, $(O)/results/faults.json (FAULTS_FLAGS: --count N,
#           --seed S, --resume)
#   bench   exits, hooks and the boot in instructions, each with its limit (BENCH_LANES)
#   models  the models of what CPUs do to each other, every order of steps (spin)
#   test    everything; ends with pytest's summary (TESTS: only these; PYTEST_FLAGS)
#   test-all  also the boot, guest and attack tests on ALL_LANES; ends with a line for each lane

TESTS ?= tests
BENCH_LANES ?= tcg-svm bochs-vmx
ALL_LANES ?= tcg-svm-uefi bochs-vmx bochs-vmx-server bochs-vmx-client bochs-vmx-uefi bochs-svm \
	nested-kvm-amd nested-kvm-intel kvm
ISO_MODULES := boot/kfv.conf $(O)/guest/vmlinuz $(O)/guest/initrd.img

.PHONY: setup guest iso run lint attacks demo faults bench models test test-all help

setup:
	@tools/setup.sh

guest: setup
	@tools/guest.sh $(O)

# The set-up comes before the compiler is looked for, so the images are made by a second make.
iso: guest
	@$(MAKE) --no-print-directory image
	tools/iso.sh $(O)/kfv.iso $(O)/kfv.elf boot/grub.cfg $(ISO_MODULES)

run: iso
	@$(PYTHON) tools/run.py --machine $(MACHINE) $(RUN_FLAGS) $(O)/kfv.iso

lint:
	@tools/lint.sh

attacks: image guests
	@$(PYTHON) -m pytest --machine $(MACHINE) $(PYTEST_FLAGS) tests/attacks

demo: setup
	@$(MAKE) --no-print-directory image guests
	@$(PYTHON) tools/demo.py --machine $(MACHINE) $(DEMO_FLAGS)

faults: setup
	@$(MAKE) --no-print-directory image guests
	@RESTARTS=1000 $(PYTHON) -m pytest --machine $(MACHINE) $(PYTEST_FLAGS) -k under_load tests/boot/test_microreboot.py
	@$(PYTHON) tests/campaign/campaign.py --machine $(MACHINE) $(FAULTS_FLAGS)

bench: setup
	@$(MAKE) --no-print-directory image guests
	@$(PYTHON) tests/bench/bench.py $(BENCH_LANES)

models: setup
	@$(PYTHON) -m pytest $(PYTEST_FLAGS) tests/models

test: guest
	@$(MAKE) --no-print-directory image guests host-tests lint
	@tools/check_symbols.py $(O)/kfv
	@$(MAKE) --no-print-directory CC=clang CROSS_COMPILE= O=$(O)/clang image
	@$(PYTHON) -m pytest --machine $(MACHINE) $(PYTEST_FLAGS) $(TESTS)

test-all: guest
	@PYTEST_FLAGS="$(PYTEST_FLAGS)" $(PYTHON) tools/test_all.py $(ALL_LANES)

help:
	@sed -n 's/^#   \([A-Za-z]\)/  \1/p' Makefile tools/tools.mk tests/host/host.mk
