# SPDX-License-Identifier: BSD-2-Clause
"""A short campaign of random faults (see campaign.py), and that its judge sees what is wrong."""

import campaign
import pytest

FAULTS = {"tcg-svm": 200, "bochs-vmx": 100}  # others: fewer


def test_short_campaign(boot, lane):
    total = campaign.run(lambda *how: boot(*how, ips=campaign.IPS), 7, 0, FAULTS.get(lane.name, 50))
    print(campaign.table(lane.name, total))
    assert campaign.faults_of(total) == []
    assert total["crash"] + total["hang"] > 0, "faults that nothing comes of prove nothing"
    assert all(total[kind] for kind in campaign.KINDS)


def good():
    return {**campaign.empty(), "injected": 10, "crash": 2, "hang": 1, "recovered": 3}


def test_judge_is_content():
    assert campaign.faults_of(good()) == []


@pytest.mark.parametrize("name", ["vmm_crashes", "vmm_hangs", "victim_changed"])
def test_judge_sees_what_must_not_be(name):
    assert campaign.faults_of({**good(), name: 1}) == [f"1 {name}"]


def test_judge_sees_a_driver_that_is_gone():
    assert campaign.faults_of({**good(), "recovered": 1}) == ["2 failed drivers did not come back"]
    assert campaign.faults_of(campaign.empty()) == ["nothing was injected"]


def test_judge_sees_what_no_fault_has_led_to():
    found = campaign.faults_of({**good(), "not_reached": 3, "unprovoked": 1})
    assert found == ["1 rounds went wrong without a fault"]


def test_what_is_not_reached_is_made_up_for(monkeypatch):
    """Each boot's rounds reach one in two."""
    def half(boot, seed, first, number):
        return {**campaign.empty(), "injected": number // 2}, first + number

    monkeypatch.setattr(campaign, "chunk", half)
    asked = []
    campaign.run(None, 1, 0, 64, lambda at, total: asked.append((at, total["injected"])))
    assert asked[:2] == [(64, 32), (96, 48)] and asked[-1][1] > 60


def test_line_is_read():
    said = ("CAMPAIGN next 300 injected 250 crash 31 hang 2 wrong 5 nothing 212 "
            "not_reached 50 recovered 33 unprovoked 0 data 80 stack 85 text 85")
    assert not campaign.LINE.search(said), "more digits may come"
    said += "\r\n"
    at, found = campaign.count(campaign.LINE.search(said))
    assert at == 300 and found["nothing"] == 212 and found["text"] == 85
    assert set(found) == set(campaign.COUNTS)


def test_results_add_up(tmp_path, monkeypatch):
    monkeypatch.setattr(campaign, "RESULTS", tmp_path / "faults.json")
    campaign.save("one", 1, 500, good())
    campaign.save("two", 1, 300, good())
    campaign.save("one", 1, 900, good())
    assert campaign.saved("one", 1) == (900, good())
    assert campaign.saved("one", 2) == (0, campaign.empty())
    text = campaign.RESULTS.read_text()
    assert campaign.json.loads(text)["injected"] == 20
