# SPDX-License-Identifier: BSD-2-Clause
"""What the emulated CPUs get wrong, shown on the bare machine: no line of the hypervisor runs. A
fault that is gone, or a new one, is worth knowing: the lists are exact."""

import pytest
from harness.faults import INTERRUPTS_WAIT, cpu_faults
from harness.lanes import LANES

KNOWN = {
    "tcg-svm": set(),
    "bochs-vmx": {INTERRUPTS_WAIT},
    "bochs-vmx-server": {INTERRUPTS_WAIT},
    "bochs-vmx-client": {INTERRUPTS_WAIT, "the monitor trap flag does not trap"},
    "bochs-svm": {
        "VMRUN does not load CR2",
        "an intercepted #DB leaves DR6 as it was",
        "EXITINTINFO of an INT n is the last injected event's",
        "VMRUN into a guest with IF set does not see V_IRQ",
        INTERRUPTS_WAIT,
    },
}


@pytest.mark.lanes("tcg-svm")
@pytest.mark.parametrize("name", KNOWN)
def test_faults_are_those_known(boot, tmp_path, name):
    assert cpu_faults(boot, tmp_path, LANES[name]) == KNOWN[name]
