"""Run the site's benchmarks and update benchmarks/RESULTS.md: `python -m benchmarks.web [MUSIC_FOLDER]`."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks import music
from benchmarks.report import ROOT, Conditions, make_part, replace_part
from benchmarks.web import api, editor, figures, joins
from benchmarks.web.site import Site, prepare
from mixes.engine.processes.ffmpeg import find_ffmpeg, version

FIGURES = {
    "first-page": ("The first page", figures.first_page),
    "uploads": ("Uploads", figures.uploads),
    "songs": ("From the last byte to the mix", figures.songs),
    "far-joins": ("Joins far inside a file", joins.far_joins),
    "polling": ("Many pages watching", figures.polling),
    "edits": ("Edits of long mixes", figures.long_mixes),
    "many-files": ("Many files at once in a browser", editor.many_files),
    "editor": ("The join editor in a browser", editor.join_editor),
    "api": ("The API with 1,000 mixes of one user", api.api_lists),
    "pages": ("Pages with 1,000 mixes and 20,000 tracks of one user", figures.pages),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web", description=__doc__)
    parser.add_argument(
        "music", nargs="?", type=Path, help="folder of audio files (default: generated songs)"
    )
    parser.add_argument("--only", choices=FIGURES, action="append", help="these figures only")
    parser.add_argument("--print", action="store_true", help="to the terminal, not into RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mixtape-bench-") as folder:
        measure(options, Path(folder))


def measure(options: argparse.Namespace, folder: Path) -> None:
    ffmpeg, load = find_ffmpeg(), os.getloadavg()[0]
    songs = music.prepare(ffmpeg, options.music, folder, quick=False)
    wanted = options.only or list(FIGURES)
    sections = []
    with Site(folder, prepare(folder)) as site:
        bench = figures.WebBench(site, folder, ffmpeg, list(songs.tracks), songs.lengths_s)
        for name, (title, figure) in FIGURES.items():
            if name in wanted:
                rows = list(figure(bench))
                for row in rows:
                    sys.stderr.write(f"{row.figure}: {row.measured} ({row.goal}) {row.verdict} {row.note}\n")
                sections.append((title, rows))
    facts = (songs.name, version(ffmpeg), 1, load, False, "make bench-web")
    part = make_part("The site", "make bench-web", sections, Conditions(*facts))
    if options.print:
        sys.stdout.write(part)
    else:
        replace_part(ROOT / "benchmarks" / "RESULTS.md", part)


if __name__ == "__main__":
    main()
