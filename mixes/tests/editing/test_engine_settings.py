"""The engine's settings of a mix: whether beats can be matched depends on the ffmpeg at hand."""

import pytest

from mixes.engine.errors import EngineError
from mixes.engine.processes import ffmpeg
from mixes.models import Mix
from mixes.services.editing import engine_settings

pytestmark = pytest.mark.django_db


def can_stretch(monkeypatch, style, answer):
    def ask(path):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(ffmpeg, "can_stretch", ask)
    return engine_settings.settings_of(Mix(style=style), [])[0].can_stretch


def test_only_a_mix_that_wants_beats_asks_ffmpeg(monkeypatch):
    assert can_stretch(monkeypatch, "club", True)
    assert not can_stretch(monkeypatch, "club", False)
    assert not can_stretch(monkeypatch, "club", EngineError("It is missing."))
    assert can_stretch(monkeypatch, "smooth", False)
