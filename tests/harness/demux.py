# SPDX-License-Identifier: BSD-2-Clause
"""Takes one serial line apart into what each party said; drivers/api/mux.h has the rules."""

import re

ERASE = "\r\x1b[K"  # forget this line: the party in focus repeats it in whole
BREAK = "\x1b[m\r\n"  # this line goes on later: the line feed is the hypervisor's
NAMED = re.compile(r"\r*\[([\w-]+)\] (.*)", re.S)
FOCUS = re.compile(r"\r*--- console: ([\w-]+) \(Ctrl-\]")
TOKEN = re.compile("(" + "|".join(re.escape(token) for token in (ERASE, BREAK, "\n")) + ")")


class Demux:
    def __init__(self, names):
        self.names = set(names)
        self.said = {name: "" for name in names}
        self.begun = {name: "" for name in names}  # unfinished lines
        self.focus = "kfv"

    def feed(self, text):
        """The whole of what was received, from the first byte on."""
        line = ""
        for token in TOKEN.split(text):
            if token == ERASE:
                self.begun[self.focus] = line = ""
            elif token == BREAK:
                party, words = self._party_of(line)
                self.begun[party] += words
                line = ""
            elif token == "\n":
                self._finish(line)
                line = ""
            else:
                line += token
        return self.said

    def _party_of(self, line):
        named = NAMED.match(line)
        if named and named[1] in self.names:
            return named[1], named[2]
        return self.focus, line

    def _finish(self, line):
        moved = FOCUS.match(line)
        if moved:
            self.focus = moved[1]
            return
        party, words = self._party_of(line)
        self.said[party] += self.begun[party] + words + "\n"
        self.begun[party] = ""


def demux(text, *vms):
    """{party: its lines}; "kfv" is the hypervisor."""
    return Demux(["kfv", *vms]).feed(text)
