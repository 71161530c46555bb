"""What a job may cost, said before it is sent."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.unit.test_jobs_requests import trained, tuned
from training.errors import JobError
from training.jobs import cost

PRICE = cost.Price(hourly=0.257, volume=0.154, source="a bill")


def test_the_bound_is_every_instance_until_the_end_and_its_volume():
    request = trained(machines={"count": 2, "warm_s": 1800})
    hours = (3600 + 1800) / 3600
    assert cost.bound(request, PRICE) == pytest.approx(2 * hours * (0.257 + 30 * 0.154 / 730))


def test_a_search_costs_as_much_as_all_its_trials():
    one = cost.bound(trained(), PRICE)
    assert cost.bound(tuned(), PRICE) == pytest.approx(6 * one)
    assert "6 trials of 1 x ml.m5.xlarge for 1 h 00 min" in cost.told(tuned(), PRICE)


def test_what_it_cost_is_what_was_billed():
    described: dict[str, Any] = {
        "BillableTimeInSeconds": 900,
        "TrainingTimeInSeconds": 3000,
        "ResourceConfig": {"InstanceCount": 2, "VolumeSizeInGB": 0},
    }
    assert cost.spent(described, PRICE) == pytest.approx(2 * 0.25 * 0.257)
    assert cost.spent(described, None) is None
    assert cost.spent({"ResourceConfig": described["ResourceConfig"]}, PRICE) is None


def test_a_price_that_nobody_knows_is_not_made_up():
    assert cost.price("eu-west-1", "ml.c7i.4xlarge") is None
    assert cost.price("ap-south-1", "ml.m5.xlarge") is None
    said = cost.told(trained(), None)
    assert said.startswith("cost unknown: ml.m5.xlarge: no price is known")
    with pytest.raises(JobError, match=r"MAX_COST = 5: ml\.m5\.xlarge: no price is known"):
        cost.told(trained(), None, limit=5)


def test_the_callers_price_goes_before_the_table():
    assert cost.price("eu-west-1", "ml.m5.xlarge", 0.5) == cost.Price(0.5, 0.154, "the price given")
    for wrong in (0.0, -1.0, float("nan"), 1000.0):
        with pytest.raises(JobError, match="PRICE"):
            cost.price("eu-west-1", "ml.m5.xlarge", wrong)


def test_a_job_above_the_limit_is_refused():
    assert "at most $0.26" in cost.told(trained(), PRICE, limit=0.5)
    with pytest.raises(JobError, match=r"MAX_COST = 0.1: the job may cost \$0.26"):
        cost.told(trained(), PRICE, limit=0.1)


def test_every_price_of_the_table_names_its_source_and_its_date():
    table = yaml.safe_load(cost.PRICES.read_text())
    assert table
    for region, entry in table.items():
        assert re.fullmatch(r"[a-z]{2}-[a-z]+-\d", region)
        assert entry["source"].startswith("https://")
        assert re.fullmatch(r"20\d\d-\d\d", str(entry["date"]))
        assert all(0 < price < 1000 for price in entry["usd_per_hour"].values())
        known = cost.price(region, next(iter(entry["usd_per_hour"])))
        assert known is not None
        assert str(entry["date"]) in known.source
