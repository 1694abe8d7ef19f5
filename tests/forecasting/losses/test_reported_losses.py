"""What reports and published shares say of losses."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from features.history import LaunchHistory
from features.records import QuietDayRule, SalvoReport
from forecasting.losses.reported_losses import ReportedLosses


class TestReports:
    def report(self, day: date, **counts: Any) -> SalvoReport:
        start = datetime(day.year, day.month, day.day) - timedelta(hours=6)
        return SalvoReport(
            window_start=start, window_end=start + timedelta(hours=14), source="table", **{"launched": 100, **counts}
        )

    def test_each_count_is_what_its_day_calls_it(self) -> None:
        record = ReportedLosses.from_reports(
            [
                self.report(date(2024, 6, 30), shot_down=80),
                self.report(date(2024, 7, 1), shot_down=70),
                self.report(date(2025, 7, 31), shot_down=50, suppressed=30),
                self.report(date(2025, 8, 1), shot_down=85, impact_sites=5),
            ]
        )
        assert record.shot_down == pytest.approx([80, 70, 50, np.nan], nan_ok=True)
        assert record.suppressed == pytest.approx([np.nan, np.nan, 30, np.nan], nan_ok=True)
        assert record.neutralised == pytest.approx([np.nan, np.nan, 80, 85], nan_ok=True)
        assert record.impact_sites == pytest.approx([np.nan, np.nan, np.nan, 5], nan_ok=True)
        assert record.lost == pytest.approx([80, 70, 80, 85])
        assert record.counts_all.tolist() == [False, False, True, True]

    def test_a_night_that_is_told_in_part_is_left_out(self) -> None:
        later = date(2025, 9, 2)
        start = datetime(2025, 9, 1, 9)
        by_day = {"window_start": start, "window_end": start + timedelta(hours=4), "source": "table"}
        record = ReportedLosses.from_reports(
            [
                self.report(date(2025, 9, 1), shot_down=80),
                SalvoReport(launched=30, shot_down=None, **by_day),
                self.report(later, shot_down=90),
            ]
        )
        assert record.days.tolist() == [later]

    def test_windows_of_a_day_are_added(self) -> None:
        start = datetime(2025, 9, 1, 9)
        day = SalvoReport(
            window_start=start, window_end=start + timedelta(hours=4), launched=50, shot_down=20, source="table"
        )
        record = ReportedLosses.from_reports([self.report(date(2025, 9, 1), shot_down=80), day])
        assert (record.launched.tolist(), record.lost.tolist()) == ([150], [100])

    def test_more_lost_than_launched_is_all_of_them(self) -> None:
        reports = [
            self.report(date(2025, 7, 1), shot_down=80, suppressed=30),
            self.report(date(2025, 9, 1), shot_down=110),
        ]
        record = ReportedLosses.from_reports(reports)
        assert record.lost.tolist() == [100, 100]
        assert (record.shot_down[0], record.suppressed[0]) == (70, 30)

    def test_a_history_tells_the_same_but_for_what_was_told_apart(self) -> None:
        reports = [
            self.report(date(2024, 6, 30), shot_down=80),
            self.report(date(2025, 7, 31), shot_down=50, suppressed=30),
            self.report(date(2025, 8, 2), shot_down=85),
            self.report(date(2025, 8, 3)),
        ]
        history = LaunchHistory.from_reports(reports, rule=QuietDayRule.BEFORE_2025)
        ours, theirs = ReportedLosses.from_history(history), ReportedLosses.from_reports(reports)
        assert ours.days.tolist() == theirs.days.tolist() == [date(2024, 6, 30), date(2025, 7, 31), date(2025, 8, 2)]
        assert ours.lost.tolist() == theirs.lost.tolist() == [80, 80, 85]
        assert ours.counts_all.tolist() == theirs.counts_all.tolist()
        assert np.isnan(ours.suppressed).all()
