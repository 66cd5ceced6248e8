# SPDX-License-Identifier: BSD-2-Clause
"""The attacks' records are kept while they run, then written and shown."""

import pytest
import results

KEPT = pytest.StashKey()


def pytest_configure(config):
    config.stash.setdefault(KEPT, [])


@pytest.fixture
def keep(request):
    """keep(record) for build/results/attacks.json."""
    return request.config.stash.setdefault(KEPT, []).append


def pytest_terminal_summary(terminalreporter, config):
    records = config.stash.get(KEPT, [])
    if not records:
        return
    results.write(records)
    terminalreporter.section("attacks: (Rnn) was withheld")
    for line in results.table(records):
        terminalreporter.write_line(line)
