# SPDX-License-Identifier: BSD-2-Clause
"""Ports whose settings are the policy's: what it says of them holds whichever comes first, the
policy, the VM or the switch. That switches go by it is in tests/image/test_switch.c."""

import re

from harness.config import guest

PORT = "client/net1"


def policy(version, *statements):
    rule = "when fault severity warning do R10"
    return "\n".join([f"policy site {{ version {version}; {rule}", *statements, "}"])


def settings(machine, port=PORT):
    """What `ports` says behind the counters, or None where there is no such port."""
    found = re.search(rf"{port}(?: +(?:\d+|-)){{4}} *([^\r\n]*)", machine.run("ports"))
    return found and found[1].strip()


def test_policy_owns_settings_of_ports(boot_vms):
    """At the boot, replaced, of a VM that comes later, behind a switch that is rebooted."""
    beat = "beats=1 period_ms=20"
    client = guest(
        "heartbeat", "client", cmdline=beat, net=["lan office vlan 3 rate 5000 mirror"]
    )
    other = guest("heartbeat", "other", cmdline=beat, net=["lan office"])
    client.modules["next"] = policy(2, f"port {PORT} rate 0 ip 10.0.0.2").encode()
    client.modules["bad"] = policy(3, f"port {PORT} vlan 1", f"port {PORT} rate 1").encode()
    client.modules["old"] = policy(1, f"port {PORT} vlan 1").encode()
    client.modules["last"] = policy(3, "port other/net1 vlan 5").encode()
    machine = boot_vms(
        client,
        other,
        focus="kfv",
        options="",
        policy=policy(1, f"port {PORT} vlan 7 mirror off", "port later/net2 vlan 9"),
    )
    for _ in range(2):
        machine.expect("beats 1 worst gap")
    machine.send("\r")
    machine.expect_text("kfv> ")
    assert settings(machine) == "vlan 7 rate 5000 (policy)"
    assert settings(machine, "other/net1") == ""
    shown = machine.run("policy")
    assert re.search(rf"(?m)^port {PORT} vlan 7 mirror off\r?$", shown), shown
    assert re.search(r"(?m)^port later/net2 vlan 9 # not there\r?$", shown), shown

    assert "The policy site owns its vlan." in machine.run(f"ports {PORT} vlan 1")
    machine.run(f"ports {PORT} rate 6000")
    assert settings(machine) == "vlan 7 rate 6000 (policy)"

    machine.run("drivers office reboot")
    assert settings(machine) == "vlan 7 rate 6000 (policy)"
    assert re.search(r"office +\S+ +\S+ +\d+ +[1-9]", machine.run("drivers"))

    machine.run("vm client destroy")
    assert settings(machine) is None
    assert f"port {PORT} vlan 7 mirror off # not there" in machine.run("policy")
    machine.run("vm client create")
    assert settings(machine) == "vlan 7 rate 5000 (policy)"
    machine.run("policy mode off")
    assert settings(machine) == "vlan 7 rate 5000 (policy)"

    machine.run("policy load next")
    assert settings(machine) == "vlan 3 ip 10.0.0.2 mirror (policy)"
    assert "bad:3:6: expected settings of client/net1 in one statement only" in machine.run(
        "policy load bad"
    )
    assert "version 1 is older than 2" in machine.run("policy load old")
    assert settings(machine) == "vlan 3 ip 10.0.0.2 mirror (policy)"
    machine.run("policy load last")
    assert settings(machine) == "vlan 3 rate 5000 mirror"
    assert settings(machine, "other/net1") == "vlan 5 (policy)"
