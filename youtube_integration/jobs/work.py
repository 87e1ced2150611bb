"""Context of one publication job on YouTube: its API, and how Google's errors are handled."""

from datetime import datetime
from typing import Any

from mixes.jobs.runner import JobRun
from publishing.problems import ServiceError
from publishing.work import MAX_PAUSE_S, PublicationRefused
from publishing.work import PublicationWork as SharedWork
from youtube_integration import problems
from youtube_integration.google.client import Api
from youtube_integration.google.types import GoogleError, GrantLost
from youtube_integration.models import YouTubePublication
from youtube_integration.problems import Problem, Retry, Step
from youtube_integration.services.credentials import api_for, mark_reconnect

__all__ = ["MAX_PAUSE_S", "PublicationRefused", "PublicationWork"]


class PublicationWork(SharedWork[YouTubePublication]):
    """One attempt of a publication job."""

    after_upload = problems.AFTER_UPLOAD

    def __init__(self, run: JobRun, row: Any) -> None:
        super().__init__(run, row)
        self._api: Api | None = None

    @property
    def max_pause_s(self) -> float:
        return MAX_PAUSE_S

    @property
    def api(self) -> Api:
        """Return YouTube's API for the row's owner. Raises GrantLost."""
        if self._api is None:
            if self.row.credential is None:
                raise GrantLost("disconnected")
            self._api = api_for(self.row.credential)
            self.run.at_end.callback(self._api.close)
        return self._api

    @property
    def video_id(self) -> str:
        """Return the id of the video, for the steps after its upload."""
        assert self.row.video_id is not None
        return self.row.video_id

    def classify(self, error: ServiceError, step: str) -> Problem:
        assert isinstance(error, GoogleError)
        return problems.classify(error, Step(step), reference=self.row.pk.hex[:8])

    def mark_lost_grant(self) -> None:
        if self.row.credential:
            mark_reconnect(self.row.credential)

    def last_word(self, problem: Problem) -> str:
        is_limit = problem.retry == Retry.TOMORROW
        return str(problems.CHANNEL_LIMIT_AGAIN if is_limit else problems.NOT_REACHED)

    def is_hopeless(self, problem: Problem, failures: int, since: datetime, now: datetime) -> bool:
        return problems.is_hopeless(problem, failures, since, now)

    def next_try(self, problem: Problem, failures: int, now: datetime) -> datetime:
        return problems.next_try(problem, failures, now)
