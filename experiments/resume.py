"""The folds of an unfinished backtest, so that an interrupted run goes on where it was."""

import hashlib
import json
from datetime import date
from types import TracebackType
from typing import Self

from experiments.backtest import FoldScores, Replay
from features.home import salvocast_home
from features.release import code_digest


class FoldStore:
    """One file of finished folds, a JSON line each; removed when the backtest is complete.

    The file is named by what the numbers depend on beside the history at each origin: what came, replay, code. A line
    cut short by a kill is left out.
    """

    def __init__(self, truth_digest: str, replay: Replay) -> None:
        named = hashlib.sha256(f"{truth_digest}|{replay}|{code_digest()}".encode()).hexdigest()
        self._path = salvocast_home() / "unfinished" / f"{named[:32]}.jsonl"

    def __enter__(self) -> Self:
        self._path.parent.mkdir(exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._path.unlink(missing_ok=True)

    def finished_folds(self) -> list[FoldScores]:
        """The folds that an earlier run finished."""
        if not self._path.exists():
            return []
        folds = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                stored = json.loads(line)
            except json.JSONDecodeError:  # the last line of a killed run
                continue
            folds.append(FoldScores(**(stored | {"origin": date.fromisoformat(stored["origin"])})))
        return folds

    def add(self, fold: FoldScores) -> None:
        """Keeps a finished fold."""
        line = json.dumps(vars(fold) | {"origin": fold.origin.isoformat()}, default=float)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
