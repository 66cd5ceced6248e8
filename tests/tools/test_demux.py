# SPDX-License-Identifier: BSD-2-Clause
"""One line taken apart: the examples follow the rules of drivers/api/mux.h one by one."""

import pytest
from harness.demux import demux

FOCUS_A = "--- console: a (Ctrl-] 0 for kfv) ---\r\n"


@pytest.mark.parametrize(
    "text, said",
    [
        ("boot\n[a] one\r\n[b] two\r\n", dict(kfv="boot\n", a="one\r\n", b="two\r\n")),
        (FOCUS_A + "one\r\n[b] two\r\nthree\r\n", dict(a="one\r\nthree\r\n", b="two\r\n")),
        # a's prompt is taken away for b's line and shown again
        (FOCUS_A + "a# \r\x1b[K[b] x\r\n\r\x1b[Ka# ls\r\n", dict(a="a# ls\r\n", b="x\r\n")),
        # a long line of a is interrupted and goes on
        (FOCUS_A + "long\x1b[m\r\n[b] x\r\ner\r\n", dict(a="longer\r\n", b="x\r\n")),
        # the same, but shown again in whole
        (FOCUS_A + "long\x1b[m\r\n[b] x\r\n\r\x1b[Klonger\r\n", dict(a="longer\r\n", b="x\r\n")),
        # a's unfinished line ends after the focus has gone
        (
            FOCUS_A + "half\x1b[m\r\n--- console: kfv (Ctrl-] ? for help) ---\r\n[a] way\r\n",
            dict(a="halfway\r\n"),
        ),
        # a name in brackets that is no VM's is the focus's own text
        (FOCUS_A + "[    0.1] up\r\n[x] y\r\n", dict(a="[    0.1] up\r\n[x] y\r\n")),
        (FOCUS_A + "\r[b] z\r\n", dict(b="z\r\n")),
    ],
)
def test_rules(text, said):
    assert demux(text, "a", "b") == dict(dict(kfv="", a="", b=""), **said)
