"""What a modeller calls a run: its name, tags and note."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from features.history import LaunchHistory

OWN_TAGS, NOTE = "salvocast.tags", "mlflow.note.content"
"""The tag that holds all of a modeller's own as JSON, and the one that MLflow's page shows as the description."""


@dataclass(frozen=True)
class RunLabel:
    """What a modeller calls a run.

    Parameters
    ----------
    name : str
        "" for one of its kind and the last known day.
    tags : mapping of str to str
        Of one's own, to find it by, such as {"sweep": "half-lives"}; the runs of its models have them too.
    note : str
        In Markdown, for those who open it.
    """

    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def as_tags(self, kind: str, history: LaunchHistory) -> dict[str, str]:
        """The tags of every run of a backtest: one's own, and by which command, of which series and data it is."""
        own = dict(self.tags) | ({OWN_TAGS: json.dumps(self.tags)} if self.tags else {})
        return own | {
            "mlflow.source.name": "salvocast backtest",
            "mlflow.source.type": "LOCAL",
            "salvocast.kind": kind,
            "salvocast.of": f"{history.theatre} {history.weapon_class}",
            "salvocast.data": f"{history.digest[:12]} to {history.last_known_day}",
            **({NOTE: self.note} if self.note else {}),
        }


UNLABELLED = RunLabel()
"""Of a run that is called nothing of its own."""
