# SPDX-License-Identifier: BSD-2-Clause
"""A short look at the other CPUs that the default lane's run can afford: the in-image tests and the
guest's own on each of them, Linux on VT-x. All of the tests run there by `make test-all`."""

import pytest
import test_boot
from harness.lanes import LANES

LANES_HERE = ("bochs-vmx", "bochs-vmx-server", "bochs-vmx-client", "bochs-svm")

pytestmark = pytest.mark.lanes("tcg-svm")


@pytest.fixture(params=LANES_HERE)
def lane(request):
    """In the place of the run's own, for `boot` too."""
    return LANES[request.param]


def test_image_tests_there(boot):
    test_boot.test_image_tests(boot)


def test_guest_sees_a_whole_machine_there(boot, boot_vms, tmp_path):
    test_boot.test_guest_sees_a_whole_machine(boot, boot_vms, tmp_path)


@pytest.mark.parametrize("lane", ["bochs-vmx"], indirect=True)
def test_linux_reaches_its_shell_there(boot_vms, lane):
    test_boot.test_linux_reaches_its_shell(boot_vms)
