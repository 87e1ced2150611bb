"""Factories: results of mixes ready for publishing, and pictures."""

import io

from PIL import Image

from mixes.leases import State
from mixes.tests.factories import make_artifact_row, make_job_row, make_mix_row

VIDEO = bytes(range(256)) * 40


def make_result(owner):
    """Return a job of `owner` that was made with a video."""
    job = make_job_row(make_mix_row(owner, "Evenings in the Nörth", make_mp4=True), State.DONE)
    make_artifact_row(job, "mp4", VIDEO)
    make_artifact_row(job, "description", "Nörth\n\n0:00 A\n1:00 B\n2:00 C\n".encode())
    return job


def video_of(job):
    return job.artifacts.get(kind="mp4")


def picture(size=(64, 48), kind="PNG"):
    """Return the bytes of a teal picture."""
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, kind)
    return buffer.getvalue()


def as_pixels(content):
    return Image.open(io.BytesIO(content))
