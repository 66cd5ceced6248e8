# SPDX-License-Identifier: BSD-2-Clause
"""A physical card as a switch's uplink: guests reach the network that it is on, and what they get
from there is what was sent."""

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


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA)

    def log_message(self, *_):
        pass


@pytest.fixture
def port():
    """Of a server on this computer, which has DATA."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def card(lane):
    if lane.name.startswith("bochs"):
        return (
            "pci: enabled=1, chipset=i440fx, slot1=ne2k",
            "ne2k: enabled=1, mac=52:54:00:11:22:33, ethmod=slirp",
        )
    return ("-netdev", "user,id=net", "-device", "ne2k_pci,netdev=net,mac=52:54:00:11:22:33")


def run(boot_vms, lane, command, uplink="uplink office ne0", focus=None):
    up = "ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 &&"
    vm = linux(cmdline=f'kfv.run="{up} {command}"', reboot="stop", net=["lan office"])
    machine = boot_vms(vm, focus=focus or vm.name, host=[uplink], extra=card(lane))
    machine.expect(r"uplink ne0: card 525400112233, on switch office, by ne@", timeout=90)
    machine.expect(r"kfv\.run status \d+", timeout=LINUX_SECONDS * lane.patience)
    text = plain(machine.log_text())
    assert "kfv.run status 0" in text, text
    return machine, text


def test_the_prompt_shows_the_uplink(boot_vms, lane):
    """Who has the card, what is at the switch; a card that is not there is missed and no more."""
    uplinks = ["uplink office ne0", "uplink office ne1"]
    vm = guest("hello", net=["lan office"])
    machine = boot_vms(vm, host=uplinks, focus="kfv", options="", extra=card(lane))
    machine.expect("line 2: there is no card ne1 for an uplink")
    assert re.search(r"10ec:8029 020000 ne@", machine.run("pci"))
    ports = machine.run("ports")
    assert re.search(r"office +0 ne@\S+ +\d+ +\d+ +0 ", ports), ports
    assert re.search(r"office +1 hello/net1 ", ports), ports
    assert re.search(r"ne@\S+: card 525400112233, .* 0 restarts", ports), ports


def test_a_guest_reaches_the_host(boot_vms, lane, port):
    """It gets an address, pings, and fetches a file."""
    command = (
        "udhcpc -i eth0 -n -q -s /bin/true 2>&1 && "
        f"ping -c 3 -i 0.2 -W 5 {GATEWAY} && wget -q -O - http://{GATEWAY}:{port}/x | sha256sum"
    )
    _, text = run(boot_vms, lane, command)
    assert re.search(r"lease of 10\.0\.2\.\d+ obtained", text), text
    assert "3 packets transmitted, 3 packets received, 0% packet loss" in text, text
    assert f"{hashlib.sha256(DATA).hexdigest()}  -" in text, text
