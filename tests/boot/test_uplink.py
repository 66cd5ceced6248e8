# SPDX-License-Identifier: BSD-2-Clause
"""A physical card as a switch's uplink: guests reach the network that it is on, and what they get
from there is what was sent."""

import dataclasses
import hashlib
import http.server
import random
import re
import threading

import pytest
from harness.config import guest, linux
from harness.machine import plain

LINUX_SECONDS = 300
DATA = random.Random(5).randbytes(200_000)
GATEWAY = "10.0.2.2"  # as both emulators' user networks have it


PIECES = 4


class Handler(http.server.BaseHTTPRequestHandler):
    """What is called /pieces comes in pieces, each of them when the test says so."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        pieces = PIECES if self.path == "/pieces" else 1
        each = len(DATA) // pieces
        for at in range(0, len(DATA), each):
            if pieces == 1 or self.server.next_piece.acquire(timeout=120):
                self.wfile.write(DATA[at : at + each])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """On this computer; it has DATA."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.next_piece = threading.Semaphore(0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@dataclasses.dataclass(frozen=True)
class Card:
    """A network card of the machine, as the configuration and the emulators call it."""

    name: str
    qemu: str
    bochs: str = None
    messages: bool = False  # it can interrupt by them

    @property
    def driver(self):
        return re.sub(r"-?\d+$", "", self.name)

    def arguments(self, lane):
        if lane.name.startswith("bochs"):
            return (
                f"pci: enabled=1, chipset=i440fx, slot1={self.bochs}",
                f"{self.bochs}: enabled=1, mac=52:54:00:11:22:33, ethmod=slirp",
            )
        device = f"{self.qemu},netdev=net,mac=52:54:00:11:22:33"
        return ("-netdev", "user,id=net", "-device", device)


NE = Card("ne0", "ne2k_pci", "ne2k")
VNET = "virtio-net-pci,disable-legacy=on"
QEMU_ONLY = pytest.mark.lanes("tcg-svm")
CARDS = [
    pytest.param(NE, id="ne2k"),
    pytest.param(Card("e1000-0", "e1000", "e1000"), id="e1000"),
    pytest.param(Card("e1000-0", "e1000e", messages=True), marks=QEMU_ONLY, id="e1000e"),
    pytest.param(Card("vnet0", VNET, messages=True), marks=QEMU_ONLY, id="virtio"),
    pytest.param(Card("vnet0", f"{VNET},vectors=0"), marks=QEMU_ONLY, id="virtio-polled"),
]


def start(boot_vms, lane, card, command, focus="linux"):
    up = "ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 &&"
    vm = linux(cmdline=f'kfv.run="{up} {command}"', reboot="stop", net=["lan office"])
    uplink = f"uplink office {card.name}"
    machine = boot_vms(vm, focus=focus, host=[uplink], extra=card.arguments(lane))
    by = rf"uplink {card.name}: card 525400112233, on switch office, by ({card.driver}@\S+)\s"
    return machine, machine.expect(by, timeout=90)[1]


def messages(machine, driver):
    """How many interrupts have come as messages; None: its device sends none."""
    found = re.search(rf"{driver}\n(?:  .*\n)*? +message \d+, (\d+) interrupts", machine.run("pci"))
    return found and int(found[1])


def finish(machine, lane):
    machine.expect(r"kfv\.run status \d+", timeout=LINUX_SECONDS * lane.patience)
    text = plain(machine.log_text())
    assert "kfv.run status 0" in text, text
    return text


def test_the_prompt_shows_the_uplink(boot_vms, lane):
    """Who has the card, what is at the switch; a card that is not there is missed and no more."""
    uplinks = ["uplink office ne0", "uplink office ne1"]
    vm = guest("hello", net=["lan office"])
    machine = boot_vms(vm, host=uplinks, focus="kfv", options="", extra=NE.arguments(lane))
    machine.expect("line 2: there is no card ne1 for an uplink")
    assert re.search(r"10ec:8029 020000 ne@", machine.run("pci"))
    ports = machine.run("ports")
    assert re.search(r"office +0 ne@\S+ +\d+ +\d+ +0 ", ports), ports
    assert re.search(r"office +1 hello/net1 ", ports), ports
    assert re.search(r"ne@\S+: card 525400112233, .* 0 restarts", ports), ports


@QEMU_ONLY
def test_cards_of_one_driver_have_numbers(boot_vms):
    """In the order of `pci`, each on its own switch; here in ring 0."""
    cards = ("e1000", "e1000e", "e1000-82545em")
    extra = []
    for i, model in enumerate(cards):
        extra += ["-netdev", f"user,id=n{i}"]
        extra += ["-device", f"{model},netdev=n{i},mac=52:54:00:11:22:3{i},addr={i + 4}"]
    machine = boot_vms(
        guest("hello"),
        host=["driver e1000 trusted", *(f"uplink lan{i} e1000-{i}" for i in range(3))],
        focus="kfv",
        options="",
        extra=tuple(extra),
    )
    for i in range(3):
        machine.expect(f"uplink e1000-{i}: card 52540011223{i}, on switch lan{i}, by e1000@")
    found = re.findall(r"(lan\d) +0 (e1000@\S+) ", machine.run("ports"))
    assert found == [(f"lan{i}", f"e1000@00:{i + 4:02x}.0") for i in range(3)]
    assert re.search(r"e1000@00:06.0 +trusted +live ", machine.run("drivers"))


@pytest.mark.parametrize("card", CARDS)
def test_a_guest_reaches_the_host(boot_vms, lane, card, server):
    """It gets an address, pings, and fetches a file."""
    command = (
        "udhcpc -i eth0 -n -q -s /bin/true 2>&1 && "
        f"ping -c 3 -i 0.2 -W 5 {GATEWAY} && wget -q -O - "
        f"http://{GATEWAY}:{server.server_port}/x | sha256sum"
    )
    machine, _ = start(boot_vms, lane, card, command)
    text = finish(machine, lane)
    assert re.search(r"lease of 10\.0\.2\.\d+ obtained", text), text
    assert "3 packets transmitted, 3 packets received, 0% packet loss" in text, text
    assert f"{hashlib.sha256(DATA).hexdigest()}  -" in text, text


@QEMU_ONLY
@pytest.mark.parametrize("card", CARDS)
def test_a_download_survives_reboots(boot_vms, lane, card, server):
    """The card's driver dies while frames come, again and again, and the file is whole."""
    command = (
        "echo GOT ready; "
        f"wget -q -O - http://{GATEWAY}:{server.server_port}/pieces | sha256sum"
    )
    machine, name = start(boot_vms, lane, card, command, focus="kfv")
    machine.expect("GOT ready", timeout=LINUX_SECONDS)
    for _ in range(PIECES - 1):
        server.next_piece.release()
        assert "is rebooted when it is called next" in machine.run(f"drivers {name} reboot")
        machine.expect(f"{name} failed: ended by the operator")
    server.next_piece.release()
    text = finish(machine, lane)
    assert f"{hashlib.sha256(DATA).hexdigest()}  -" in text, text
    assert re.search(rf"{name} +confined +live +\d+ +{PIECES - 1} ", machine.run("drivers"))
    interrupts = messages(machine, name)
    assert interrupts > PIECES if card.messages else interrupts is None
