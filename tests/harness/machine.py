# SPDX-License-Identifier: BSD-2-Clause
"""A running machine as tests see it: a serial line to talk to, and how it ended.

In build/logs/LANE, every byte of the first serial line goes to NAME.log, of the second (evidence as
JSON lines) to NAME.com2, and the emulator's own words to NAME.emulator."""

import collections
import contextlib
import ctypes
import json
import pathlib
import re
import signal
import socket
import subprocess
import time

import pexpect
import pexpect.fdpexpect

from harness.tree import LOGS

# kind: "exit" (the image said so, value is its code), "power-off", "reset" or "failed" (the
# emulator gave up: value is its exit status). A triple fault of the machine itself is a "reset"
# on QEMU, which does not tell the two apart, and "failed" on Bochs.
End = collections.namedtuple("End", "kind value", defaults=(None,))

PR_SET_PDEATHSIG = 1
SOMETHING = re.compile(r".+", re.S)
TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>78c]|\r")


class MachineError(Exception):
    pass


class Deadline:
    """Some seconds, and besides them as many as the emulator was ready to run and had no CPU: how
    busy this computer is decides nothing. Linux, Documentation/scheduler/sched-stats.rst."""

    def __init__(self, pid, seconds):
        self.pid = pid
        self.end = time.monotonic() + seconds - self._starved()

    def _starved(self):
        """In seconds, of the thread that lacked it most."""
        found = [0]
        for path in pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # threads come and go
                found.append(int(path.read_text().split()[1]))
        return max(found) / 1e9

    def left(self):
        return self.end + self._starved() - time.monotonic()

    def over(self):
        return self.left() <= 0


class SerialLine(pexpect.fdpexpect.fdspawn):
    """An emulator that ends with input unread resets the connection: the end, like any other."""

    def read_nonblocking(self, size=1, timeout=None):
        try:
            return super().read_nonblocking(size, timeout)
        except ConnectionResetError:
            self.flag_eof = True
            raise pexpect.EOF("the emulator has ended") from None


class Machine:
    """What the emulators have in common. They add `_command`, `_connect` and `_decode_end`."""

    wall_time = True  # a second of the machine's is one of ours

    def __init__(self, lane, name, work):
        self.lane = lane
        self.work = pathlib.Path(work)
        logs = LOGS / lane.name
        logs.mkdir(parents=True, exist_ok=True)
        self.log_path = logs / f"{name}.log"
        self.evidence_path = logs / f"{name}.com2"
        self.emulator_path = logs / f"{name}.emulator"
        self.process = self.serial = self.end = None
        self._socket = self._log = None

    def start(self, iso, options):
        for path in (self.log_path, self.evidence_path, self.emulator_path):
            path.write_bytes(b"")
        with listen() as listener:
            self._spawn(self._command(iso, options, listener.getsockname()[1]))
            self._socket = self._accept(listener)
        self._log = open(self.log_path, "w", newline="")
        self.serial = SerialLine(
            self._socket.fileno(),
            timeout=self.lane.boot_seconds,
            maxread=65536,
            encoding="utf-8",
            codec_errors="replace",
        )
        self.serial.logfile_read = self._log
        self._connect()

    def _spawn(self, command):
        with open(self.emulator_path, "wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.work,
                env=self._environment(),
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def _environment(self):
        return None

    def _connect(self):
        """Opens what else there is to talk to, after the serial line stands."""

    def _accept(self, listener):
        """The emulator's connection, or an error with its last words if it ended instead."""
        listener.settimeout(0.2)
        while True:
            try:
                connection, _ = listener.accept()
                return connection
            except TimeoutError:
                if self.process.poll() is not None:
                    raise MachineError(f"no start: {self.emulator_words()}") from None

    # --- talking -------------------------------------------------------------------------------

    def deadline(self, seconds):
        """So many seconds, times the lane's patience, from now."""
        return Deadline(self.process.pid, seconds * self.lane.patience)

    def expect(self, pattern, timeout=-1):
        """Waits for a regular expression (or one of a list) on the serial line, by default for the
        lane's boot_seconds, else for timeout times the lane's patience; returns the match, or the
        index into the list."""
        boot = Deadline(self.process.pid, self.lane.boot_seconds)
        deadline = boot if timeout == -1 else self.deadline(timeout)
        try:
            index = self._expect(pattern, deadline)
        except pexpect.EOF:
            raise MachineError(f"{self._words(pattern)} never came: {self._ended_how()}") from None
        except pexpect.TIMEOUT:
            raise MachineError(f"{self._words(pattern)} did not come in time") from None
        return index if isinstance(pattern, list) else self.serial.match

    def _expect(self, pattern, deadline):
        while True:
            try:
                return self.serial.expect(pattern, timeout=max(0.1, deadline.left()))
            except pexpect.TIMEOUT:
                if deadline.over():
                    raise

    def expect_text(self, text, timeout=-1):
        """As expect(), for literal text."""
        return self.expect(re.escape(text), timeout)

    def send(self, text):
        self.serial.send(text)

    def run(self, line, prompt="kfv> ", timeout=-1):
        """Types a line, returns what came between its echo and the prompt, as plain text. Where a
        VM says something meanwhile, what was typed by then is shown once more, and the rest
        follows behind a control sequence."""
        self.send(line + "\r")
        echo = r"(?:\x1b\[K)?".join(map(re.escape, line))
        self.expect(echo + r"[^\n]*\n", timeout)
        self.expect(re.escape(prompt), timeout)
        return plain(self.serial.before)

    def drain(self, seconds):
        """Lets the machine run, keeping its line empty; returns what it said meanwhile."""
        deadline, said = time.monotonic() + seconds, ""
        try:
            while (left := deadline - time.monotonic()) > 0:
                if self.serial.expect([SOMETHING, pexpect.TIMEOUT], timeout=left) == 0:
                    said += self.serial.match[0]
        except pexpect.EOF:
            said += self.serial.before
        return plain(said)

    def raw_log(self):
        """All that the serial line said and was read, terminal control included; also of a
        machine that was stopped."""
        if not self._log.closed:
            self._log.flush()
        with open(self.log_path, newline="") as log:
            return log.read()

    def log_text(self):
        """As raw_log(), as plain text."""
        return plain(self.raw_log())

    def evidence(self, damaged=False):
        """The complete JSON lines of the second serial port so far. OVMF writes there too.
        `damaged`: somebody else may have, in the middle of a line, which is left out then."""
        text = self.evidence_path.read_bytes().decode("utf-8", "replace")
        lines = [line for line in plain(text).split("\n")[:-1] if line.startswith("{")]
        if damaged:
            lines = [line for line in lines if is_json(line)]
        return [json.loads(line) for line in lines]

    def emulator_words(self):
        words = self.emulator_path.read_text(errors="replace").splitlines()
        return "\n".join(word for word in words if not self._is_noise(word))

    def _is_noise(self, line):
        return not line.strip()

    @staticmethod
    def _words(pattern):
        return repr(pattern if isinstance(pattern, (str, list)) else pattern.pattern)

    def _ended_how(self):
        try:
            end = self.wait(5)
        except MachineError:
            return "the serial line closed"
        return f"the machine ended with {end}\n{self.emulator_words()}"

    # --- the end -------------------------------------------------------------------------------

    def wait(self, timeout=30):
        """Waits for the machine to end by itself and returns its End. It takes what the machine
        still says: look for that in log_text()."""
        if self.end:
            return self.end
        deadline = self.deadline(timeout)
        while self.process.poll() is None:
            if deadline.over():
                raise MachineError("the machine still runs")
            self._keep_reading()
        self._keep_reading()
        self.end = self._decode_end(self.process.returncode)
        return self.end

    def _keep_reading(self):
        """An emulator whose line is full stands still. At its end, the line closes first."""
        self.drain(0.1)
        if not self.serial.isalive() or self.serial.flag_eof:
            time.sleep(0.05)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Ends the machine whatever it does; for clean-up, may be called at any time."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
        for thing in (self._socket, self._log):
            if thing is not None:
                thing.close()
        self._socket = None


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def end_with_parent():
    """prctl(2): an emulator must not outlive a test run that was killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def listen():
    """Emulators dial in: there is no moment at which a line exists and nobody listens."""
    listener = socket.socket(socket.AF_INET)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    return listener


def plain(text):
    """What a serial line said, without terminal control."""
    return TERMINAL_CODES.sub("", text)
