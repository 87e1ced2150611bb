"""`manage.py mix FILE_OR_FOLDER... -o DIR`: make one mix from files on this machine."""

import codecs
import io
import json
import sys
from argparse import ArgumentTypeError
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from mixes.engine.codecs.mp3 import BITRATES
from mixes.engine.errors import EngineError
from mixes.engine.mixing.settings import Length, MixSettings
from mixes.engine.mixing.transitions import STYLES
from mixes.engine.ordering.arcs import ARCS
from mixes.engine.pictures.pictures import VIDEO_SIZES
from mixes.engine.pipeline.request import FORMATS, MixRequest
from mixes.engine.processes.ffmpeg import can_stretch, find_ffmpeg
from mixes.engine.text import decode_text
from mixes.engine.timestamps import parse_clock
from mixes.engine.tracklist.description import DEFAULT_HASHTAGS, DEFAULT_TEMPLATE
from mixes.management.engine_runs import engine_run
from mixes.management.terminal import mix_to_json, print_mix
from mixes.services.offline.analysis_store import AnalysisStore
from mixes.services.offline.input_files import find_inputs
from mixes.services.offline.local_mixes import LocalMix, OrderWish, available_cores, make_local_mix

DEFAULTS = MixSettings()
TEMPLATE_IS_NO_TEXT = "The description template {} cannot be read as text. Save it as plain text in UTF-8."
MAX_TEMPLATE_CHARS = 20_000  # characters; YouTube's limit is 5,000 bytes


class Command(BaseCommand):
    help = "Makes one seamless mix of audio files: MP3, MP4 if there is a picture, and an exact tracklist."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        add_input_arguments(parser.add_argument_group("what is mixed"))
        add_sound_arguments(parser.add_argument_group("how it sounds"))
        add_output_arguments(parser.add_argument_group("what is made"))

    def handle(self, *args: Any, **options: Any) -> None:
        with engine_run(self.stderr) as (on_progress, should_stop):
            mix = make_local_mix(
                find_inputs(options["paths"], recursive=options["recursive"]),
                read_request(options),
                options["output"],
                store=AnalysisStore(settings.DATA_DIR / "analyses"),
                ffmpeg=find_ffmpeg(settings.FFMPEG),
                skip_bad=options["skip_bad"],
                replace_other=options["force"],
                order=read_order(options),
                on_progress=on_progress,
                on_note=on_progress.tell,
                should_stop=should_stop,
            )
        self.report(mix, as_json=options["json"])

    def report(self, mix: LocalMix, *, as_json: bool) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):  # no character may stop the report
            sys.stdout.reconfigure(errors="backslashreplace")
        if as_json:
            self.stdout.write(json.dumps(mix_to_json(mix), ensure_ascii=False, indent=2))
        else:
            print_mix(mix, self.stdout)


def add_input_arguments(group: Any) -> None:
    add = group.add_argument
    add(
        "paths", nargs="+", type=Path, metavar="FILE_OR_FOLDER", help="tracks, folders, playlists, CUE sheets"
    )
    add("-r", "--recursive", action="store_true", help="search subfolders too")
    add("--skip-bad", action="store_true", help="leave out files that cannot be used")
    add(
        "--order",
        choices=("given", "suggest"),
        default="given",
        help="suggest: so that tempos, keys and loudness fit from song to song (%(default)s)",
    )
    add("--arc", choices=ARCS, help="how the energy of a suggested order goes")
    add("--keep-first", action="store_true", help="leave the first song first in a suggested order")
    add("--keep-last", action="store_true", help="leave the last song last in a suggested order")
    add("--title", help="of the mix; its files are named after it (default: the folder's name)")
    add("--artist", default="", help="of the mix")
    add("--date", default=None, help="as shown in the description (default: today)")


def add_sound_arguments(group: Any) -> None:
    add = group.add_argument
    add("--style", choices=STYLES, default=DEFAULTS.style, help="of the transitions (%(default)s)")
    add(
        "--transition",
        type=read_length,
        default=DEFAULTS.transition_s,
        metavar="auto|SECONDS",
        help="length of the transitions (%(default)s)",
    )
    add(
        "--gap",
        type=float,
        default=DEFAULTS.gap_s,
        metavar="SECONDS",
        help="silence of style gap (%(default)s)",
    )
    add("--soften", action="store_true", help="take the treble out of the middle of each transition")
    add("--trim", choices=("auto", "off"), default="auto", help="off: play files from first to last sample")
    add(
        "--loudness",
        type=read_loudness,
        default=DEFAULTS.target_lufs,
        metavar="LUFS|off",
        help="of the mix (%(default)s)",
    )
    add("--album-dynamics", action="store_true", help="one gain for all tracks")
    add("--even-joins", action="store_true", help="level tracks by their beginnings and ends, too")
    add("--skip-quiet-intros", action="store_true", help="start tracks shortly before they become loud")
    add("--shorten-silences", action="store_true", help="play silences of 5 s or more inside tracks for 2 s")
    add("--fade-in", type=float, default=0.0, metavar="SECONDS", help="of the whole mix (%(default)s)")
    add("--fade-out", type=float, default=0.0, metavar="SECONDS", help="of the whole mix (%(default)s)")
    add(
        "--max-play",
        type=read_play_time,
        metavar="M:SS",
        help="play at most so much of each track, such as 2:30 (default: whole tracks)",
    )
    add("--keep-endings", action="store_true", help="play every track to the very end")


def add_output_arguments(group: Any) -> None:
    add = group.add_argument
    add("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the results")
    add("--force", action="store_true", help="replace the files of a mix of another title")
    add("--formats", type=read_formats, help="mp3, mp4 or mp3,mp4 (default: mp3; with --image both)")
    add("--image", type=Path, help="picture for the video and the cover")
    add(
        "--size",
        type=read_size,
        default="1920x1080",
        metavar="WIDTHxHEIGHT",
        help="of the video (%(default)s)",
    )
    add("--title-cards", action="store_true", help="show each track's title in the video")
    add("--bitrate", type=int, choices=sorted(BITRATES), default=320, help="of the MP3, kbit/s (%(default)s)")
    add(
        "--description-template",
        type=Path,
        metavar="FILE",
        help="text with {title}, {tracklist}, {duration} ...",
    )
    add(
        "--hashtags", type=read_hashtags, default=DEFAULT_HASHTAGS, metavar="WORD,WORD", help="for {hashtags}"
    )
    add("--encode-all", action="store_true", help="encode MP3 songs again instead of copying their frames")
    add("--cores", type=int, default=available_cores(), help="processors to use (%(default)s)")
    add("--no-check", action="store_true", help="do not measure the finished files")
    add("--json", action="store_true", help="print one JSON document instead of tables")


def read_order(options: dict[str, Any]) -> OrderWish | None:
    """Return what is asked of a suggested order, None for the order given. Raises EngineError."""
    wish = OrderWish(options["arc"], options["keep_first"], options["keep_last"])
    if options["order"] == "suggest":
        return wish
    if wish != OrderWish():
        raise EngineError(
            "--arc, --keep-first and --keep-last belong to a suggested order: add --order suggest."
        )
    return None


def read_length(text: str) -> Length:
    """Parse a transition's length. Raises ArgumentTypeError."""
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is neither a number of seconds nor 'auto'") from None


def read_play_time(text: str) -> float:
    """Parse a longest time. Raises ArgumentTypeError."""
    try:
        return parse_clock(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no time. {error}") from None


def read_loudness(text: str) -> float | None:
    """Parse a target in LUFS, None for `off`. Raises ArgumentTypeError."""
    if text == "off":
        return None
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is neither a loudness in LUFS nor 'off'") from None


def read_formats(text: str) -> tuple[str, ...]:
    """Parse a list such as `mp3,mp4`. Raises ArgumentTypeError."""
    wanted = text.lower().split(",")
    if unknown := [name for name in wanted if name not in FORMATS]:
        raise ArgumentTypeError(f"there is no format {unknown[0]!r}; there are {', '.join(FORMATS)}")
    return tuple(name for name in FORMATS if name in wanted)


def read_hashtags(text: str) -> tuple[str, ...]:
    """Parse a list such as `house,2026`."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def read_size(text: str) -> tuple[int, int]:
    """Parse one of the supported sizes. Raises ArgumentTypeError."""
    sizes = {f"{width}x{height}": (width, height) for width, height in VIDEO_SIZES}
    if text not in sizes:
        raise ArgumentTypeError(f"the sizes are {', '.join(sizes)}")
    return sizes[text]


def read_request(options: dict[str, Any]) -> MixRequest:
    """Return the request for the command's options, without sources. Raises EngineError."""
    image = options["image"]
    formats = options["formats"] or (FORMATS if image else ("mp3",))
    return MixRequest(
        sources=(),
        title=options["title"] or default_title(options["paths"]),
        artist=options["artist"],
        date=options["date"] or date.today().isoformat(),
        settings=MixSettings(
            style=options["style"],
            transition_s=options["transition"],
            gap_s=options["gap"],
            soften=options["soften"],
            trim=options["trim"] == "auto",
            target_lufs=options["loudness"],
            album_dynamics=options["album_dynamics"],
            even_joins=options["even_joins"],
            skip_quiet_intros=options["skip_quiet_intros"],
            keep_endings=options["keep_endings"],
            shorten_silences=options["shorten_silences"],
            max_play_s=options["max_play"],
            fade_in_s=options["fade_in"],
            fade_out_s=options["fade_out"],
            can_stretch=options["style"] != "club" or can_stretch(find_ffmpeg(settings.FFMPEG)),
            copy_into_kbps=copy_into_kbps(options, formats),
        ),
        formats=formats,
        bitrate_kbps=options["bitrate"],
        picture=image,
        size=options["size"],
        title_cards=options["title_cards"],
        description_template=read_template(options["description_template"]),
        hashtags=options["hashtags"],
        check=not options["no_check"],
        cores=max(1, options["cores"]),
    )


def copy_into_kbps(options: dict[str, Any], formats: Sequence[str]) -> int | None:
    """Return the bit rate of the MP3 into which frames of songs are copied; None where none is."""
    return options["bitrate"] if "mp3" in formats and not options["encode_all"] else None


def default_title(paths: list[Path]) -> str:
    """Return the name of the folder or playlist as the title."""
    first = paths[0].resolve()
    if first.is_dir():
        return first.name or "Mix"
    return first.stem if len(paths) == 1 else first.parent.name or "Mix"


def read_template(path: Path | None) -> str:
    """Read a description template, or return the default. Raises EngineError."""
    if path is None:
        return DEFAULT_TEMPLATE
    try:
        with path.open("rb") as file:
            text = decode_template(file.read(4 * MAX_TEMPLATE_CHARS + 4))
    except OSError as error:
        raise EngineError(f"The description template {path} cannot be read as text.") from error
    except UnicodeDecodeError as error:
        raise EngineError(TEMPLATE_IS_NO_TEXT.format(path)) from error
    if len(text) > MAX_TEMPLATE_CHARS:
        raise EngineError(f"The description template {path} is longer than any description may be.")
    if "\0" in text:
        raise EngineError(TEMPLATE_IS_NO_TEXT.format(path))
    return text


def decode_template(data: bytes) -> str:
    """Return the text of a template in UTF-8, UTF-16 or an older encoding; raises UnicodeDecodeError."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "strict" if len(data) % 2 == 0 else "ignore")
    elif data[1:2] == b"\0":
        text = data.decode("utf-16-le")
    elif data[:1] == b"\0":
        text = data.decode("utf-16-be")
    else:
        text = decode_text(data).removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n")
