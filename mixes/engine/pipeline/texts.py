"""The text files of a mix."""

import json
from collections.abc import Sequence

from mixes.engine.pipeline.request import MixRequest
from mixes.engine.timeline import Timeline
from mixes.engine.tracklist.chapters import Chapter, podcast_json
from mixes.engine.tracklist.cue_sheet import cue_sheet
from mixes.engine.tracklist.description import Description, render_description


def describe(request: MixRequest, timeline: Timeline, chapters: Sequence[Chapter]) -> Description:
    """Return the filled-in description."""
    return render_description(
        request.description_template,
        chapters,
        timeline.duration_s,
        title=request.title,
        date=request.date,
        hashtags=request.hashtags,
    )


def texts_of(
    request: MixRequest, timeline: Timeline, chapters: Sequence[Chapter], files: Sequence[str], mp3: str
) -> dict[str, str]:
    """Return chapters, timeline and CUE sheet by kind; `mp3` is the name of the MP3, empty without one."""
    document = {"files": list(files), **timeline.to_dict()}
    texts = {
        "chapters": podcast_json(chapters, title=request.title, author=request.artist),
        "timeline": json.dumps(document, ensure_ascii=False, indent=1) + "\n",
    }
    if mp3:
        texts["cue"] = cue_sheet(chapters, file_name=mp3, title=request.title, artist=request.artist)
    return texts
