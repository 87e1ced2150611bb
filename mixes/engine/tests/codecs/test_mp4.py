"""Tests of decoded MP4 files: length, colours, slide times and metadata."""

import re
import struct
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from mixes.engine.codecs.mp4 import (
    GROUP_FRAMES,
    Slide,
    encode_group,
    group_lengths,
    make_video,
    png_size,
    slide_spans,
)
from mixes.engine.codecs.mp4_file import Names, Samples, data_header, sample_tables
from mixes.engine.errors import BrokenOutputError, Cancelled, OutputError, PictureError
from mixes.engine.processes.sandbox import DECODE, VIDEO, run_child

SIZE = (192, 108)
RATE = 44100
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
HOSTILE = "a=b;c#d\\e [CHAPTER] <script> %s {title} “夜” --flag"


@pytest.fixture
def colours(tmp_path):
    """Return three plain pictures of the video's size."""
    paths = []
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        paths.append(tmp_path / f"{name}.png")
        Image.new("RGB", SIZE, colour).save(paths[-1])
    return paths


@pytest.fixture
def photo(tmp_path, rng):
    """Return soft shapes with some grain, as hard to encode as a photo."""
    shapes = Image.fromarray(rng.integers(0, 256, (9, 16, 3), np.uint8)).resize(
        SIZE, Image.Resampling.BICUBIC
    )
    grain = rng.normal(0, 3, (SIZE[1], SIZE[0], 3))
    path = tmp_path / "photo.png"
    Image.fromarray(np.clip(np.asarray(shapes) + grain, 0, 255).astype(np.uint8)).save(path)
    return path


def write_adts(ffmpeg, path, sound, rate=RATE):
    argv = [
        *(str(ffmpeg), "-v", "error", "-f", "f32le", "-ar", str(rate), "-ac", "2", "-i", "pipe:0"),
        *("-c:a", "aac", "-b:a", "128k", "-f", "adts", "pipe:1"),
    ]
    path.write_bytes(run_child(argv, limits=VIDEO, feed=[sound.astype("<f4").tobytes()]).stdout)
    return path


def noise(rng, frames):
    return rng.normal(0, 0.1, (frames, 2)).astype(np.float32)


def decode_sound(ffmpeg, path):
    argv = [str(ffmpeg), "-v", "error", "-i", f"file:{path}", "-f", "f32le", "pipe:1"]
    return np.frombuffer(run_child(argv, limits=DECODE, read=[path]).stdout, "<f4").reshape(-1, 2)


def decode_pictures(ffmpeg, path, size=SIZE):
    """Return every frame as RGB, converted as by a player that assumes BT.709."""
    to_rgb = "scale=in_color_matrix=bt709:in_range=tv:out_range=pc:flags=accurate_rnd+full_chroma_int"
    argv = [
        *(str(ffmpeg), "-v", "error", "-i", f"file:{path}", "-map", "0:v", "-fps_mode", "passthrough"),
        *("-vf", to_rgb, "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"),
    ]
    pixels = np.frombuffer(run_child(argv, limits=VIDEO, read=[path]).stdout, np.uint8)
    return pixels.reshape(-1, size[1], size[0], 3)


def packets(ffmpeg, path, stream):
    """Return (decoding time, presentation time, duration) in seconds of every packet, edit list applied."""
    argv = [str(ffmpeg), "-v", "error", "-i", f"file:{path}", "-map", f"0:{stream}", "-c", "copy"]
    text = run_child([*argv, "-f", "framecrc", "pipe:1"], limits=DECODE, read=[path]).stdout.decode()
    base = int(re.search(r"#tb 0: 1/(\d+)", text)[1])
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    return [tuple(int(number) / base for number in row[1:4]) for row in rows]


def describe(ffmpeg, path):
    """Return the file's metadata, as ffmetadata and as printed by ffmpeg."""
    argv = [str(ffmpeg), "-hide_banner", "-i", f"file:{path}", "-f", "ffmetadata", "pipe:1"]
    output = run_child(argv, limits=DECODE, read=[path])
    return output.stdout.decode(), output.stderr_tail


def atoms(path):
    """Return the names of the file's outermost boxes in order."""
    data, names, offset = path.read_bytes(), [], 0
    while offset < len(data):
        length, name = struct.unpack_from(">I4s", data, offset)
        names.append(name.decode())
        offset += length
    return names


def lag(found, wanted):
    """Return the delay of `found` against `wanted` in frames."""
    size = 1 << (len(found) + len(wanted)).bit_length()
    product = np.fft.rfft(found[:, 0], size) * np.conj(np.fft.rfft(wanted[:, 0], size))
    place = int(np.argmax(np.fft.irfft(product)))
    return place - size if place > size // 2 else place


@pytest.mark.parametrize(
    ("frames", "rate"),
    [(RATE // 100, RATE), (2 * RATE, RATE), (RATE + 777, RATE), (48000 * 3 + 1, 48000), (442_764, RATE)],
    ids=["10 ms", "2 s", "odd length", "48 kHz", "one frame more than a group"],
)
def test_picture_and_sound_have_the_mix_s_length_and_start_together(
    ffmpeg, tmp_path, rng, colours, frames, rate
):
    sound = noise(rng, frames)
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", np.concatenate([sound, noise(rng, 5000)]), rate)
    out = tmp_path / "mix.mp4"

    make_video(ffmpeg, [Slide(colours[0], 0)], adts, out, frames=frames, rate=rate)

    decoded = decode_sound(ffmpeg, out)
    assert len(decoded) == frames
    assert lag(decoded, sound) == 0
    pictures = packets(ffmpeg, out, "v")
    assert len(pictures) == max(2, -(-frames * 25 // rate))
    assert [round(25 * shown) for _, shown, _ in pictures] == list(range(len(pictures)))
    assert all(decoded_at == shown for decoded_at, shown, _ in pictures)
    assert len(decode_pictures(ffmpeg, out)) == len(pictures)


def test_the_picture_is_preserved_and_never_changes(ffmpeg, tmp_path, rng, photo):
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", noise(rng, 25 * RATE))
    out = tmp_path / "mix.mp4"

    make_video(ffmpeg, [Slide(photo, 0)], adts, out, frames=25 * RATE, rate=RATE)

    shown = decode_pictures(ffmpeg, out)
    error = shown[0].astype(float) - np.asarray(Image.open(photo))
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 36
    assert len(shown) == 625
    assert all(np.array_equal(frame, shown[0]) for frame in shown[1:])


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE, (255, 255, 255), (0, 0, 0), (90, 140, 30)])
def test_colours_survive_the_conversion_to_bt709(ffmpeg, tmp_path, colour):
    picture = tmp_path / "plain.png"
    Image.new("RGB", SIZE, colour).save(picture)
    video = tmp_path / "plain.h264"
    video.write_bytes(b"".join(encode_group(ffmpeg, picture, 2)))

    shown = decode_pictures(ffmpeg, video)

    assert np.abs(shown.astype(int) - colour).max() <= 4


def test_the_stream_is_what_players_and_youtube_expect(ffmpeg, tmp_path, rng, colours):
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", noise(rng, RATE))
    out = tmp_path / "mix.mp4"

    make_video(ffmpeg, [Slide(colours[0], 0)], adts, out, frames=RATE, rate=RATE)

    _, printed = describe(ffmpeg, out)
    assert "h264 (High)" in printed
    assert "yuv420p(tv, bt709, progressive), 192x108 [SAR 1:1" in printed
    assert "25 fps" in printed
    assert "aac (LC)" in printed
    names = atoms(out)
    assert names.index("moov") < names.index("mdat")


def test_a_group_is_closed_and_its_frames_are_consecutive(ffmpeg, photo):
    group = encode_group(ffmpeg, photo, 50)

    kinds = [[unit[0] & 31 for unit in re.split(rb"\x00\x00\x00?\x01", frame)[1:]] for frame in group]
    assert kinds[0] == [9, 7, 8, 5]  # delimiter, parameter sets, key frame
    assert all(kind == [9, 1] for kind in kinds[1:])
    assert max(len(frame) for frame in group[1:]) < 64


def test_any_prefix_of_a_group_is_a_valid_video(ffmpeg, tmp_path, photo):
    group = encode_group(ffmpeg, photo, 50)
    video = tmp_path / "beginning.h264"
    video.write_bytes(b"".join([*group[:7], *group[:50], *group[:2]]))

    assert len(decode_pictures(ffmpeg, video)) == 59


def test_a_card_changes_within_one_frame_of_its_chapter(ffmpeg, tmp_path, rng, colours):
    frames = 25 * RATE
    starts = [0, 11 * RATE + 3333, 12 * RATE]
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", noise(rng, frames))
    out = tmp_path / "mix.mp4"

    slides = [Slide(picture, start) for picture, start in zip(colours, starts, strict=True)]
    make_video(ffmpeg, slides, adts, out, frames=frames, rate=RATE)

    shown = decode_pictures(ffmpeg, out).mean(axis=(1, 2)).argmax(axis=1)
    assert len(shown) == 625
    changes = [int(np.argmax(shown == index)) for index in range(3)]
    assert np.all(np.diff(shown) >= 0)
    for change, start in zip(changes, starts, strict=True):
        assert abs(change / 25 - start / RATE) <= 1 / 25


def test_slides_at_any_position_share_all_frames(rng, tmp_path):
    for _ in range(300):
        frames = int(rng.integers(1, 60 * RATE))
        starts = sorted({0, *rng.integers(0, frames + RATE, rng.integers(0, 12)).tolist()})
        slides = [Slide(tmp_path / str(index), start) for index, start in enumerate(starts)]

        spans = slide_spans(slides, frames, RATE)

        assert sum(count for _, count in spans) == max(2, -(-frames * 25 // RATE))
        assert all(count >= 2 for _, count in spans)


def test_slides_too_short_to_be_seen_are_omitted(tmp_path):
    first, flash, last = (tmp_path / name for name in ("first", "flash", "last"))
    slides = [Slide(first, 0), Slide(flash, 10 * RATE), Slide(last, 10 * RATE + 900)]

    assert slide_spans(slides, 20 * RATE, RATE) == [(first, 251), (last, 249)]
    assert slide_spans([Slide(flash, 0), Slide(last, 900)], RATE, RATE) == [(last, 25)]
    assert slide_spans([Slide(first, 0), Slide(last, RATE)], RATE, RATE) == [(first, 25)]


@pytest.mark.parametrize("count", [2, 3, 249, 250, 251, 252, 500, 501, 7501])
def test_groups_add_up_to_the_length_and_none_is_a_single_frame(count):
    lengths = group_lengths(count)

    assert sum(lengths) == count
    assert all(2 <= length <= GROUP_FRAMES for length in lengths)


def test_chapters_and_hostile_titles_survive_a_round_trip(ffmpeg, tmp_path, rng, colours):
    names = Names(HOSTILE, "Ärtist", [(0, HOSTILE), (30000, "two")])
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", noise(rng, 2 * RATE))
    out = tmp_path / "-odd name %03d ;'“夜”.mp4"

    make_video(ffmpeg, [Slide(colours[0], 0)], adts, out, frames=2 * RATE, rate=RATE, names=names)

    metadata, _ = describe(ffmpeg, out)
    unescaped = re.sub(r"\\(.)", r"\1", metadata)
    assert unescaped.count(HOSTILE) == 2
    assert "artist=Ärtist\n" in metadata
    chapters = re.findall(r"TIMEBASE=1/(\d+)\nSTART=(\d+)\nEND=(\d+)\n", metadata)
    times = [(int(start) / int(base), int(end) / int(base)) for base, start, end in chapters]
    wanted = [(0, 30000 / RATE), (30000 / RATE, 2.0)]
    assert np.allclose(times, wanted, atol=0.001)
    assert len(decode_sound(ffmpeg, out)) == 2 * RATE


def test_chapters_of_many_minutes_survive_a_round_trip(ffmpeg, tmp_path, colours):
    minutes = 32
    frames = minutes * 60 * RATE
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", np.zeros((10 * RATE, 2), np.float32))
    adts.write_bytes(adts.read_bytes() * (minutes * 6 + 1))

    make_video(
        *(ffmpeg, [Slide(colours[0], 0)], adts, tmp_path / "mix.mp4"),
        frames=frames,
        rate=RATE,
        names=Names(chapters=[(0, "long"), (frames // 2, "long")]),
    )

    metadata, _ = describe(ffmpeg, tmp_path / "mix.mp4")
    chapters = re.findall(r"TIMEBASE=1/(\d+)\nSTART=(\d+)\nEND=(\d+)\n", metadata)
    times = [(int(start) / int(base), int(end) / int(base)) for base, start, end in chapters]
    assert np.allclose(times, [(0, minutes * 30), (minutes * 30, minutes * 60)], atol=0.001)


def test_the_older_list_of_chapters_is_written_too(ffmpeg, tmp_path, rng, colours):
    """Some players read only it; it holds 255 chapters at most."""
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", noise(rng, 4 * RATE))
    chapters = [(number * 600, f"Song {number}") for number in range(280)]

    make_video(
        *(ffmpeg, [Slide(colours[0], 0)], adts, tmp_path / "mix.mp4"),
        **{"frames": 4 * RATE, "rate": RATE, "names": Names(chapters=chapters)},
    )

    data = (tmp_path / "mix.mp4").read_bytes()
    listed = data[data.index(b"chpl") + 13 :]
    assert data[data.index(b"chpl") + 12] == 255
    assert struct.unpack_from(">QB6s", listed) == (0, 6, b"Song 0")
    assert struct.unpack_from(">QB6s", listed, 15) == (round(600 / RATE * 1e7), 6, b"Song 1")
    metadata, _ = describe(ffmpeg, tmp_path / "mix.mp4")
    assert metadata.count("[CHAPTER]") == 280


def test_incomplete_sound_is_refused(ffmpeg, tmp_path, rng, colours):
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", noise(rng, RATE))

    with pytest.raises(BrokenOutputError, match="fewer frames"):
        make_video(ffmpeg, [Slide(colours[0], 0)], adts, tmp_path / "a.mp4", frames=3 * RATE, rate=RATE)
    adts.write_bytes(adts.read_bytes()[:-1])
    with pytest.raises(BrokenOutputError, match="middle of a frame"):
        make_video(ffmpeg, [Slide(colours[0], 0)], adts, tmp_path / "b.mp4", frames=3 * RATE, rate=RATE)


@pytest.mark.parametrize("offset", [0, 1 << 32], ids=["short", "beyond 4 GiB"])
def test_places_beyond_4_gib_are_written_in_64_bits(offset):
    samples = Samples()
    samples.add_chunk(offset + 1000, [b"ab", b"c"])

    _per_chunk, sizes, places = sample_tables(samples)

    assert sizes[12:] == struct.pack(">4I", 0, 2, 2, 1)
    assert places[4:8] == (b"co64" if offset else b"stco")
    assert int.from_bytes(places[16:], "big") == offset + 1000


def test_the_data_box_has_a_header_of_one_size():
    assert data_header(5000) == b"\0\0\0\x08free" + struct.pack(">I4s", 4992, b"mdat")
    assert data_header(5 << 32) == struct.pack(">I4sQ", 1, b"mdat", 5 << 32)


def test_sound_and_pictures_of_one_second_are_side_by_side(ffmpeg, tmp_path, rng, colours):
    """A player that reads from one place has both."""
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", noise(rng, 30 * RATE))
    out = tmp_path / "mix.mp4"

    make_video(ffmpeg, [Slide(colours[0], 0)], adts, out, frames=30 * RATE, rate=RATE)

    data = out.read_bytes()
    pictures, sound = (
        struct.unpack_from(">30I", data, match.end() + 8) for match in re.finditer(b"stco", data)
    )
    assert all(a < b < c for a, b, c in zip(pictures, sound, pictures[1:], strict=False))


def test_the_memory_for_an_hour_is_a_fraction_of_the_file(ffmpeg, tmp_path, rng, colours):
    """Only the sizes of the frames are kept: 4 bytes for each."""
    minutes = 60
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", noise(rng, 10 * RATE))
    adts.write_bytes(adts.read_bytes() * (minutes * 6 + 1))
    tracemalloc.start()
    try:
        make_video(
            *(ffmpeg, [Slide(colours[0], 0)], adts, tmp_path / "mix.mp4"),
            **{"frames": minutes * 60 * RATE, "rate": RATE},
        )
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8_000_000


def test_the_same_input_gives_the_same_bytes(ffmpeg, tmp_path, rng, photo):
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", noise(rng, RATE))
    outs = [tmp_path / "one.mp4", tmp_path / "two.mp4"]
    for out in outs:
        make_video(ffmpeg, [Slide(photo, 0)], adts, out, frames=RATE, rate=RATE)

    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_progress_rises_to_one(ffmpeg, tmp_path, rng, colours):
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", noise(rng, 12 * RATE))
    seen = []
    slides = [Slide(colours[0], 0), Slide(colours[1], 6 * RATE)]
    make_video(
        ffmpeg, slides, adts, tmp_path / "mix.mp4", frames=12 * RATE, rate=RATE, on_progress=seen.append
    )

    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) >= 2


def test_cancelling_leaves_no_temporary_files(ffmpeg, tmp_path, rng, colours):
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", noise(rng, RATE))
    folder = tmp_path / "out"
    folder.mkdir()

    with pytest.raises(Cancelled):
        make_video(
            *(ffmpeg, [Slide(colours[0], 0)], adts, folder / "mix.mp4.part"),
            **{"frames": RATE, "rate": RATE, "should_stop": lambda: True},
        )

    assert {path.name for path in folder.iterdir()} <= {"mix.mp4.part"}


def test_pictures_that_do_not_fit_are_refused_by_name(ffmpeg, tmp_path, colours):
    odd = tmp_path / "odd.png"
    Image.new("RGB", (191, 107)).save(odd)
    other = tmp_path / "other.png"
    Image.new("RGB", (96, 54)).save(other)
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    for slides in ([Slide(odd, 0)], [Slide(colours[0], 0), Slide(other, RATE)], [Slide(text, 0)]):
        with pytest.raises(PictureError, match=slides[-1].picture.name):
            make_video(ffmpeg, slides, colours[0], tmp_path / "mix.mp4", frames=3 * RATE, rate=RATE)
    with pytest.raises(OutputError):
        make_video(ffmpeg, [], colours[0], tmp_path / "mix.mp4", frames=RATE, rate=RATE)


def test_the_size_of_a_png_is_read_from_its_header(colours):
    assert png_size(colours[0]) == SIZE
