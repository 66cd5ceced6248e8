# SPDX-License-Identifier: BSD-2-Clause
"""Where things are: the source tree, and the build directory (O= of the Makefile)."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("O", "build")
LOGS = BUILD / "logs"
