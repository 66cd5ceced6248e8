# SPDX-License-Identifier: BSD-2-Clause
"""Virtual devices through the front door: Debian's unmodified kernel and its virtio drivers."""

import hashlib
import io
import random
import re
import subprocess
import tarfile

import pytest
from harness.config import guest, linux
from harness.demux import demux
from harness.machine import End, plain

LINUX_SECONDS = 120
MIB = 1 << 20
IMAGE = random.Random(5).randbytes(3 * MIB)
DIGEST = hashlib.sha256(IMAGE).hexdigest()


def with_devices(command, *, name="linux", modules=None, options="", **settings):
    """Linux that runs a command; settings like disk=["data vd.img"]."""
    cmdline = f'{options} kfv.run="{command}"'.strip()
    vm = linux(name, cmdline=cmdline, **{"reboot": "stop", **settings})
    vm.modules.update(modules or {"vd.img": IMAGE})
    return vm


def run(boot_vms, vm):
    """What Linux wrote until its command was done, with status 0."""
    machine = boot_vms(vm, focus=vm.name)
    machine.expect(r"kfv\.run status \d+", timeout=LINUX_SECONDS)
    text = plain(machine.log_text())
    assert "kfv.run status 0" in text, text
    return text


@pytest.mark.parametrize("options", ["", "pci=nomsi"])
def test_disk_is_read_and_its_checksum_is_right(boot_vms, options):
    """By messages, which go to each queue's own vector, and by the interrupt line."""
    command = (
        "cat /sys/block/vda/serial; echo; echo read-only $(cat /sys/block/vda/ro);"
        "sha256sum /dev/vda; grep virtio /proc/interrupts"
    )
    vm = with_devices(command, disk=["data vd.img"], options=options)
    text = run(boot_vms, vm)
    assert "\ndata" in text and "read-only 1" in text
    assert f"{DIGEST}  /dev/vda" in text
    interrupts = re.search(r"(\d+) .*(PCI-MSI.*virtio0-req|IO-APIC +16-fasteoi +virtio0)", text)
    assert int(interrupts[1]) > 0 and ("PCI-MSI" in interrupts[2]) == (not options)


def test_disk_is_written_by_a_file_system(boot_vms):
    """ext4 on 24 MiB of zeros, filled, unmounted, mounted again; discarded at last."""
    command = (
        "mke2fs -F /dev/vda >/dev/null && mkdir /m && mount -t ext4 /dev/vda /m &&"
        "cp /dev/vdb /m/copy && umount /m && echo 3 >/proc/sys/vm/drop_caches &&"
        "mount -t ext4 /dev/vda /m && sha256sum /m/copy && umount /m &&"
        "blkdiscard /dev/vda && head -c 8388608 /dev/vda | tr -d \\\\000 | wc -c &&"
        "! dd if=/dev/zero of=/dev/vdb count=1 2>/dev/null"
    )
    modules = {"vd.img": IMAGE, "zero.img": bytes(24 * MIB)}
    vm = with_devices(command, modules=modules, disk=["root zero.img cow", "data vd.img ro"])
    text = run(boot_vms, vm)
    assert f"{DIGEST}  /m/copy" in text
    assert re.search(r"\n0\r?\n", text), text


def test_what_a_reset_leaves_of_a_disk(boot_vms):
    """cow: as new; rw: as it was written."""
    mark = "echo -n MARK | dd of=/dev/{} conv=notrunc 2>/dev/null"
    command = (
        "if [ $(head -c 4 /dev/vdb) = MARK ]; then head -c 4 /dev/vda | od -An -tx1;"
        f"sha256sum /dev/vda; else {mark.format('vda')}; {mark.format('vdb')}; sync;"
        "head -c 4 /dev/vda; reboot -f; fi"
    )
    vm = with_devices(command, disk=["a vd.img cow", "b vd.img rw"], reboot="restart")
    text = run(boot_vms, vm)
    assert "vm linux: reboot asked for" in text and f"{DIGEST}  /dev/vda" in text


def test_entropy(boot_vms):
    command = (
        "cat /sys/class/misc/hw_random/rng_current &&"
        "head -c 4096 /dev/hwrng | gzip -c | wc -c && head -c 4096 /dev/hwrng | wc -c"
    )
    text = run(boot_vms, with_devices(command, entropy="on"))
    assert "virtio_rng.0" in text
    assert int(re.search(r"\n(\d+)\r?\n4096", text)[1]) > 4000, "what is random does not shrink"


def test_balloon(boot_vms):
    """Asked at the prompt, Linux gives memory back, and takes it again."""
    vm = with_devices("until [ -e /stop ]; do sleep 1; done", balloon="on")
    machine = boot_vms(vm, focus="kfv")
    machine.expect("KFV guest ready", timeout=LINUX_SECONDS)
    for wanted in (64, 16):
        machine.run(f"balloon linux {wanted}")
        for _ in range(60):
            machine.drain(1)
            answer = machine.run("balloon linux")
            if f"which are {wanted} MiB" in answer:
                break
        assert f"asked for {wanted} MiB, gave {wanted * 256} pages" in answer


NO_UART = "pic pit rtc ioapic pci pmtimer exitport kbc"


def test_console_without_a_uart(boot_vms):
    """Linux's shell on hvc0, both ways; more than the line's ring holds goes through unharmed, and
    what is typed and said stays whole when the device is rebooted and the VM restored."""
    vm = linux(line="hvc0", console="on", devices=NO_UART)
    machine = boot_vms(vm, focus="linux", options="")
    machine.expect_text("guest# ", timeout=LINUX_SECONDS)
    machine.send("cat /sys/class/tty/console/active; seq 4000 | tee /s | tail -c 10\r")
    machine.expect(r"\nhvc0\r", timeout=60)
    machine.expect(r"\n3999\r\n4000\r", timeout=60)
    machine.send("cat /s; sha256sum </s\r")
    machine.expect(r"\n4000\r", timeout=60)
    machine.expect(r"\n\w{64} ", timeout=60)
    text = plain(machine.log_text()).replace("\r", "")
    assert "\n".join(map(str, range(1, 4001))) in text
    machine.send("\x1d0")
    machine.expect_text("kfv> ")
    machine.run("drivers linux/console1 reboot")
    machine.send("focus linux\r")
    machine.expect_text("console: linux")
    machine.send("echo $((6 * 7))\r")
    machine.expect(r"\n42\r", timeout=60)
    machine.send("\x1d0")
    machine.expect_text("kfv> ")
    assert re.search(r"linux/console1 +confined +live +\d+ +1", machine.run("drivers"))
    machine.run("vm linux snapshot", timeout=60)
    machine.run("vm linux restore", timeout=60)
    machine.send("focus linux\r")
    machine.expect_text("console: linux")
    machine.send("echo $((6 * 8))\r")
    machine.expect(r"\n48\r", timeout=60)


@pytest.mark.parametrize("size, found", [(513, "another size"), (0, "none")])
def test_a_module_that_is_no_disk(boot_vms, size, found):
    vm = with_devices("true", disk=["a vd.img"], modules={"vd.img" if size else "b": bytes(513)})
    boot_vms(vm).expect(rf"disk a: expected a boot module vd.img of .* 512 bytes, found {found}")


@pytest.mark.sample
def test_disk_and_switch_with_a_bare_guest(boot_vms):
    """Sectors are what they should be, frames arrive as they were sent."""
    vm = guest("virtio", disk="d sectors", net=["a lan", "b lan"])
    vm.modules["sectors"] = b"".join(n.to_bytes(512, "little") for n in range(256))
    machine = boot_vms(vm, options="exit=ended")
    assert machine.wait(120) == End("exit", 0), machine.log_text()
    assert len(re.findall(r"BENCH virtio\.\w+ \d+", machine.log_text())) == 6


def station(name, address, command, net, **settings):
    """A Linux on the network that does as the command says."""
    up = f"ip addr add {address}/24 dev eth0 && ip link set eth0 up &&"
    vm = with_devices(f"{up} {command}", net=net, memory="128M", name=name, **settings)
    return vm


PING = "until ping -c 1 -W 1 10.0.0.1 >/dev/null; do :; done; ping -c 5 -i 0.2 -W 5 10.0.0.1"


@pytest.mark.parametrize("cpus", [1, 2])
def test_two_guests_on_a_switch(boot_vms, cpus):
    """They ping, and a file goes from one to the other unharmed."""
    server = station("server", "10.0.0.1", "nc -l -p 5000 | sha256sum", ["lan office"])
    client = station(
        "client",
        "10.0.0.2",
        f"{PING} && nc 10.0.0.1 5000 </dev/vda && cat /sys/class/net/eth0/address",
        ["lan office mac 52:54:00:00:00:02"],
        disk=["data vd.img"],
    )
    machine = boot_vms(server, client, focus="client", memory_mb=512, smp=cpus)
    for _ in "ab":
        machine.expect(r"kfv\.run status 0", timeout=LINUX_SECONDS)
    said = demux(machine.raw_log(), "server", "client")
    text = plain(said["client"])
    assert re.search(r"5 packets transmitted, 5 packets received, 0% packet loss", text), text
    assert f"{DIGEST}  -" in plain(said["server"])
    assert "52:54:00:00:00:02" in text


def with_libraries(program):
    """A tar archive of a program of this machine and what it is linked with."""
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
        for path in [program, *re.findall(r"(/\S+) \(0x", linked)]:
            tar.add(path)
    return archive.getvalue()


IPERF = "/usr/bin/iperf3"
IPERF_MIB = 4
UNPACK = "tar x -f /dev/vda -C /"


def test_iperf_between_two_guests(boot_vms):
    """TCP one way and the other: all bytes are sent, all but the last arrive in that time, and both
    ends say how fast."""
    tools = dict(
        modules={"tools.img": with_libraries(IPERF)},
        disk=["tools tools.img"],
    )
    serve = f"{UNPACK} && {IPERF} -s -D; sleep 1000"
    each = f"{IPERF} -c 10.0.0.1 -n {IPERF_MIB}M -i 0 -f m"
    ask = f"{UNPACK} && {PING} >/dev/null && sleep 2 && {each} && {each} -R"
    server = station("server", "10.0.0.1", serve, ["lan office"], **tools)
    client = station("client", "10.0.0.2", ask, ["lan office ip 10.0.0.2"], **tools)
    machine = boot_vms(server, client, focus="client", memory_mb=512)
    machine.expect(r"kfv\.run status 0", timeout=LINUX_SECONDS)
    text = plain(machine.log_text())
    rate = r" ([\d.]+) MBytes +([\d.]+) Mbits/sec +(?:\d+ +)?(sender|receiver)"
    done = re.findall(rate, text)
    print(done)
    assert [end for *_, end in done] == ["sender", "receiver"] * 2, text
    assert all(float(mib) >= 0.9 * IPERF_MIB and float(mbits) > 0 for mib, mbits, _ in done), done
    assert "L2 flood" not in text, "no work is a flood, by the default policy"


def test_ports_change_while_vms_run(boot_vms):
    """VLAN, IP binding and MAC: what the prompt says holds at once; who goes on sending in
    another's name is cut off, and nobody else; the operator lets it in again."""
    server = station("server", "10.0.0.1", "sleep 1000", ["lan office"])
    client = linux(
        "client",
        memory="128M",
        net=["lan office mac 52:54:00:00:00:02 ip 10.0.0.2 rate 5000"],
    )
    machine = boot_vms(server, client, focus="client", memory_mb=512, options="")
    machine.expect_text("guest# ", timeout=LINUX_SECONDS)

    def ask(command, answer):
        machine.send(command + "; echo =$?=\r")
        found = machine.expect(r"=(\d+)=\r", timeout=LINUX_SECONDS)
        assert (found[1] == "0") is answer, command

    def tell(*commands):
        machine.send("\x1d0")
        machine.expect_text("kfv> ")
        said = [machine.run(command) for command in commands]
        machine.send("\x1d2")
        machine.expect_text("console: client")
        return said

    ping = "ping -c 1 -W 1 10.0.0.1 >/dev/null"
    ask("ip addr add 10.0.0.2/24 dev eth0; ip link set eth0 up", True)
    ask(f"until {ping}; do :; done", True)
    (said,) = tell("ports client/net1 vlan 7")
    assert "vlan 7 ip 10.0.0.2 rate 5000" in said
    ask(ping, False)
    tell("ports client/net1 vlan 0", "ports client/net1 ip 10.0.0.3")
    ask(ping, False)
    (said,) = tell("ports client/net1 ip any")
    assert int(re.search(r"client/net1 +\d+ +\d+ +(\d+)", said)[1]) > 0
    ask(ping, True)
    ask("ip link set eth0 down; ip link set eth0 address 52:54:00:00:00:03", True)
    ask("ip link set eth0 up; arp -s 10.0.0.1 52:54:00:00:00:01", True)
    ask("ping -i 0.02 -c 60 -W 1 10.0.0.1 >/dev/null", False)
    (said,) = tell("ports")
    assert re.search(r"client/net1 [^\n]* down\r?\n", said) and said.count("down") == 1
    tell("ports client/net1 mac 52:54:00:00:00:03", "ports client/net1 up")
    ask(f"arp -d 10.0.0.1; until {ping}; do :; done", True)
    text = plain(machine.log_text())
    assert re.search(r"L2 forgery warning vm=client op=L2_REFUSED .* reaction=R13", text)
    assert "vm=server" not in text
