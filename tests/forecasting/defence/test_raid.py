"""Several classes of weapon against the same launchers."""

from typing import Any

import numpy as np
import pytest

from forecasting.defence.engagement import engage
from tests.forecasting.defence.defence_layers import DefenceOf, SalvosOf, interceptors


def meeting(layer: dict[str, Any], priority: tuple[str, ...], **meets: dict[str, Any]) -> dict[str, Any]:
    return layer | {"meets": meets, "priority": priority}


def test_the_first_class_takes_capacity_and_stock_before_the_second(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    """10 missiles and 20 drones, 15 engagements a night, 40 interceptors at one each, every one a kill."""
    salvos, missiles = salvos_of(np.full((4, 4), 20)), np.full((4, 4), 10)
    sure = {"engaged_share": 1.0, "kill_probability": 1.0}
    for priority, drones, others in (
        (("cruise", "shahed"), [5, 5, 0, 0], [10, 10, 10, 0]),
        (("shahed", "cruise"), [15, 15, 10, 0], [0, 0, 0, 0]),
    ):
        layer = meeting(interceptors(1.0, 1.0, 15.0, 1.0, 40.0), priority, cruise=sure)
        met = engage(salvos, defence_of([layer]), others={"cruise": missiles})
        assert met.actual.kills[0, 0].tolist() == drones
        assert met.raid is not None
        assert met.raid.actual.kills[:, 0, 0].tolist() == [sum(drones), sum(others)]
        assert met.raid.actual.interceptors[:, 0, 0].tolist() == [sum(drones), sum(others)]
        assert met.raid.actual.leakers[1, 0] == 40 - sum(others)
        assert met.stocks[0].used[0].tolist() == [d + o for d, o in zip(drones, others, strict=True)]
        assert met.actual.unmet.sum(axis=2)[0, 0] == 20
