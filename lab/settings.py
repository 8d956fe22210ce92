"""The lab's own pace, kept in one place so that benchmarks can make it faster and tests can pin it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

FILE = "settings.json"


class Settings(BaseModel):
    """Stored in the lab's directory; the kubelet reads it when it starts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tick: float = 0.5
    """Seconds between two looks at pods for which nothing has changed."""
    gather: float = 0.15
    """Seconds to wait after a change, so that one look covers the changes that belong together."""
    back_off_first: float = 2.0
    back_off_step: float = 2.0
    back_off_limit: float = 8.0
    """A crashed container is started again after first + step * restarts seconds, at most limit."""
    event_repeat: float = 20.0
    """Seconds after which an event that still holds is counted again."""
    workers: int = 4
    """How many pods are handled at the same time."""
    routine_events: bool = True
    """Write the events that only say that all is well (Pulled, Created)."""

    def back_off(self, restarts: int) -> float:
        """Seconds until a container that has been restarted so often may start again."""
        return min(self.back_off_first + self.back_off_step * restarts, self.back_off_limit)

    def save(self, home: Path) -> None:
        """Keep the settings with the cluster."""
        (home / FILE).write_text(self.model_dump_json(indent=1))

    @classmethod
    def load(cls, home: Path) -> Settings:
        """The settings of a lab directory."""
        file = home / FILE
        return cls.model_validate_json(file.read_text()) if file.exists() else cls()


FAST = Settings(gather=0.03, workers=16, routine_events=False)
"""For benchmarks with hundreds of pods: a pod is ready well within half a second."""
