"""Frames on the page of a mix's look: they are what the video will show."""

import io
import subprocess

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image
from scipy.ndimage import uniform_filter

from mixes.engine.pictures.look import VideoLook
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.jobs import mix_job
from mixes.jobs.runner import JobKind, run_claimed
from mixes.models import Artifact, Mix, MixJob
from mixes.services import storage
from mixes.services.editing.plans import plan_of
from mixes.services.library.artwork import add_artwork
from mixes.services.rendering import frames, mix_requests

pytestmark = pytest.mark.django_db
SIMILAR = 0.98
WINDOW = 8  # pixels of the window in which pictures are compared
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
LOOKS = {
    "drawn": (None, {}),
    "cards for two seconds": (None, {"card_s": 2.0, "card_place": "top", "title_size": "large"}),
    "filled, with title": ("own", {"fill": True, "focus_x": 0.2, "title": "always", "title_place": "middle"}),
}
SIZES = {"drawn": "1280x720", "cards for two seconds": "1080x1080", "filled, with title": "1080x1920"}


def similarity(one, other):
    """Return the mean structural similarity of two grey pictures."""
    one, other = (np.asarray(picture.convert("L"), dtype=float) for picture in (one, other))
    mean_a, mean_b = uniform_filter(one, WINDOW), uniform_filter(other, WINDOW)
    var_a = uniform_filter(one * one, WINDOW) - mean_a**2
    var_b = uniform_filter(other * other, WINDOW) - mean_b**2
    both = uniform_filter(one * other, WINDOW) - mean_a * mean_b
    numerator = (2 * mean_a * mean_b + C1) * (2 * both + C2)
    return float((numerator / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))).mean())


def own_picture(owner):
    rng = np.random.default_rng(3)
    small = Image.fromarray(rng.integers(0, 255, (12, 20, 3), dtype=np.uint8))
    content = io.BytesIO()
    small.resize((2000, 1200), Image.Resampling.BICUBIC).save(content, "JPEG")
    return add_artwork(owner, SimpleUploadedFile("own.jpg", content.getvalue()))


def frame_of_video(path, second):
    argv = [
        find_ffmpeg(),
        "-v",
        "error",
        "-ss",
        f"{second:.3f}",
        "-i",
        path,
        "-frames:v",
        "1",
        "-f",
        "image2pipe",
    ]
    done = subprocess.run([*argv, "-c:v", "png", "-"], capture_output=True, check=True)
    return Image.open(io.BytesIO(done.stdout))


@pytest.mark.parametrize("name", LOOKS)
def test_the_frames_of_the_page_are_those_of_the_video(
    mix_of_sounds, as_alice, name, django_capture_on_commit_callbacks
):
    picture, look = LOOKS[name]
    mix = mix_of_sounds
    mix.make_mp3, mix.make_mp4, mix.video_size = False, True, SIZES[name]
    mix.title_cards, mix.look = "card_s" in look, VideoLook(**look).to_json()
    mix.artwork = own_picture(mix.owner) if picture else None
    mix.save()
    shown = frames.frames_of(mix, plan_of(mix))
    assert [frame.moment for frame in shown] == (["start", "card", "end"] if mix.title_cards else ["start"])

    job = mix_requests.request_mix(mix)
    with django_capture_on_commit_callbacks(execute=True):
        run_claimed(
            JobKind(MixJob, mix_job.handle, mix_job.on_failure),
            job.pk,
            MixJob.objects.claim(job.pk, "test"),
            beats=False,
        )
    video = storage.path_of(Artifact.objects.get(job=job, kind="mp4").file)
    for frame in shown:
        address = reverse("mixes:mix_frame", args=[mix.pk, frame.moment, frames.frame_key(mix, frame)])
        answer = as_alice.get(address)
        assert "immutable" in answer["Cache-Control"]
        page = Image.open(io.BytesIO(answer.content))
        made = frame_of_video(video, frame.start_s + 0.2)
        assert f"{made.width}x{made.height}" == mix.video_size
        assert similarity(page, made.resize(page.size, Image.Resampling.LANCZOS)) > SIMILAR
    if mix.title_cards:
        pages = [frames.frame_jpeg(mix, frame.moment)[0] for frame in shown]
        assert len(set(pages)) == 3, "the moments look the same"


def test_similarity_knows_other_pictures():
    rng = np.random.default_rng(4)
    one, other = (Image.fromarray(rng.integers(0, 255, (64, 64), dtype=np.uint8)) for _ in range(2))
    assert similarity(one, one) == pytest.approx(1.0)
    assert similarity(one, other) < 0.3


def test_an_old_address_shows_the_present_frame_and_is_not_kept(mix, as_alice):
    answer = as_alice.get(reverse("mixes:mix_frame", args=[mix.pk, "start", "0" * 32]))
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert as_alice.get(reverse("mixes:mix_frame", args=[mix.pk, "never", "0" * 32])).status_code == 404


def test_a_key_changes_with_everything_that_is_seen(mix):
    plan = plan_of(mix)

    def key():
        return frames.frame_key(mix, frames.frames_of(mix, plan)[0])

    keys = [key()]
    for change in (
        {"title": "Other"},
        {"artist": "Ada"},
        {"video_size": "1080x1080"},
        {"look": {"fill": True}},
    ):
        for name, value in change.items():
            setattr(mix, name, value)
        keys.append(key())
    assert len(set(keys)) == len(keys)


def post(client, mix, **changes):
    usual = {
        "version": mix.version,
        "look-video_size": mix.video_size,
        "look-fill": "whole",
        "look-focus_x": "50",
        "look-focus_y": "50",
        "look-title": "drawn",
        "look-title_place": "bottom-left",
        "look-title_size": "normal",
        "look-card_place": "bottom-left",
        "look-card_artist": "on",
        "look-card_s": "",
    }
    data = usual | {f"look-{name}": value for name, value in changes.items()}
    return client.post(reverse("mixes:mix_video", args=[mix.pk]), data)


def test_the_form_saves_the_look_as_one_step_that_undo_takes_back(as_alice, mix):
    changes = {"make_mp4": "on", "video_size": "1080x1920", "fill": "fill", "focus_x": "20", "card_s": "4"}
    assert post(as_alice, mix, **changes).status_code == 302
    mix.refresh_from_db()
    assert mix.look == {"fill": True, "focus_x": 0.2, "card_s": 4.0}
    assert (mix.make_mp4, mix.video_size, mix.title_cards) == (True, "1080x1920", False)
    as_alice.post(reverse("mixes:mix_edit", args=[mix.pk]), {"undo": "1", "version": mix.version})
    mix.refresh_from_db()
    assert (mix.look, mix.make_mp4) == ({}, False)


@pytest.mark.parametrize(
    "changes",
    [{"focus_x": "101"}, {"focus_y": ""}, {"title_place": "outside"}, {"card_s": "0"}, {"video_size": "1x1"}],
)
def test_values_that_no_page_sends_are_refused(as_alice, mix, changes):
    assert post(as_alice, mix, **changes).status_code == 422
    assert Mix.objects.get(pk=mix.pk).look == {}


def test_the_only_file_cannot_be_switched_off(as_alice, mix):
    Mix.objects.filter(pk=mix.pk).update(make_mp3=False, make_mp4=True)
    answer = post(as_alice, mix)
    assert answer.status_code == 422
    assert "nothing to make" in answer.content.decode()


def test_the_page_says_that_no_video_is_made(as_alice, mix):
    address = reverse("mixes:mix_look", args=[mix.pk])
    assert "No video is made." in as_alice.get(address).content.decode()
    Mix.objects.filter(pk=mix.pk).update(make_mp4=True)
    assert "No video is made." not in as_alice.get(address).content.decode()
