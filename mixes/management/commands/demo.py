"""`manage.py demo`: three generated songs, and one mix of them as MP3 and MP4."""

from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from mixes.engine.ffmpeg import find_ffmpeg
from mixes.engine.pipeline import FORMATS, MixRequest
from mixes.engine.planning import MixSettings
from mixes.engine.sandbox import ShouldStop
from mixes.engine.synth import DEMO_SONGS, write_song
from mixes.management.engine_runs import engine_run
from mixes.management.terminal import print_mix
from mixes.services.analyses import AnalysisStore
from mixes.services.local_mixes import available_cores, make_local_mix


class Command(BaseCommand):
    help = "Makes a mix of three generated songs, to show what comes out."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.DATA_DIR / "demo"
        request = MixRequest(
            sources=(),
            title="Mixtape demo",
            artist="Mixtape",
            date=date.today().isoformat(),
            settings=MixSettings(transition_s="auto"),
            formats=FORMATS,
            title_cards=True,
            cores=available_cores(),
        )
        with engine_run(self.stderr) as (on_progress, should_stop):
            ffmpeg = find_ffmpeg(settings.FFMPEG)
            mix = make_local_mix(
                write_songs(ffmpeg, folder / "songs", should_stop),
                request,
                folder,
                store=AnalysisStore(settings.DATA_DIR / "analyses"),
                ffmpeg=ffmpeg,
                skip_bad=False,
                on_progress=on_progress,
                should_stop=should_stop,
            )
        print_mix(mix, self.stdout)


def write_songs(ffmpeg: Path, folder: Path, should_stop: ShouldStop) -> list[Path]:
    """Write the demo's songs, tagged; return their files in order."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        write_song(ffmpeg, song, folder / f"{song.file_stem}.mp3", should_stop=should_stop)
        for song in DEMO_SONGS
    ]
