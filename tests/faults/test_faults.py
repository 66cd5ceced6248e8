# SPDX-License-Identifier: BSD-2-Clause
"""What the emulated CPUs get wrong, shown on the bare machine: no line of the hypervisor runs. A
fault that is gone, or a new one, is worth knowing: the lists are exact."""

import pytest
from harness.faults import cpu_faults
from harness.lanes import LANES

INTR = "an interrupt that ends guests waits while the guest's IF is clear"
KNOWN = {
    "tcg-svm": set(),
    "bochs-vmx": {INTR},
    "bochs-vmx-server": {INTR},
    "bochs-vmx-client": {INTR, "the monitor trap flag does not trap"},
    "bochs-svm": {
        "VMRUN does not load CR2",
        "an intercepted #DB leaves DR6 as it was",
        "EXITINTINFO of an INT n is the last injected event's",
        "VMRUN into a guest with IF set does not see V_IRQ",
        INTR,
    },
}


@pytest.mark.lanes("tcg-svm")
@pytest.mark.parametrize("name", KNOWN)
def test_faults_are_those_known(boot, tmp_path, name):
    assert cpu_faults(boot, tmp_path, LANES[name]) == KNOWN[name]
