"""MP4 files in Chromium: length, seeking, title cards at their times, sound without delay."""

import base64
import os
import shutil

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from mixes.engine.codecs.mp4 import Slide, make_video
from mixes.engine.tests.codecs.test_mp4 import RATE, colours, write_adts  # noqa: F401  `colours` is a fixture

SECONDS, SECOND_CARD_S, CLICK = 40, 13.4, 7 * RATE + 123
COLOUR_AT = """async ([name, at_s]) => {
  const video = document.querySelector("video");
  if (!video.src) {
    const bytes = Uint8Array.from(atob(name), letter => letter.charCodeAt(0));
    video.src = URL.createObjectURL(new Blob([bytes], {type: "video/mp4"}));
    await new Promise((ready, failed) => { video.onloadeddata = ready; video.onerror = failed; });
  }
  const sought = new Promise(ready => video.onseeked = ready);
  video.currentTime = at_s;
  await sought;
  const canvas = document.createElement("canvas");
  const picture = canvas.getContext("2d");
  picture.drawImage(video, 0, 0);
  return [video.duration, video.currentTime, ...picture.getImageData(90, 50, 1, 1).data.slice(0, 3)];
}"""
LOUDEST = """async ([name, rate]) => {
  const bytes = Uint8Array.from(atob(name), letter => letter.charCodeAt(0));
  const sound = await new OfflineAudioContext(2, 1, rate).decodeAudioData(bytes.buffer);
  const left = sound.getChannelData(0).map(Math.abs);
  return [sound.length, left.reduce((best, value, at) => value > left[best] ? at : best, 0)];
}"""


@pytest.fixture
def page():
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser and os.environ.get("REQUIRE_BROWSER") != "1":
        pytest.skip("no Chromium here to play in; REQUIRE_BROWSER=1 makes this a failure")
    assert browser, "REQUIRE_BROWSER=1, but there is no Chromium"
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page()
        page.set_content("<video muted></video>")
        yield page
        chromium.close()


def test_a_browser_seeks_and_shows_each_card_at_its_time(ffmpeg, tmp_path, colours, page):  # noqa: F811  the fixture above
    sound = np.zeros((SECONDS * RATE, 2), np.float32)
    sound[CLICK] = 0.9
    adts = write_adts(ffmpeg, tmp_path / "sound.aac", np.concatenate([sound, sound[:5000]]))
    out = tmp_path / "mix.mp4"
    slides = [Slide(colours[0], 0), Slide(colours[2], round(SECOND_CARD_S * RATE))]
    make_video(ffmpeg, slides, adts, out, frames=len(sound), rate=RATE)
    text = base64.b64encode(out.read_bytes()).decode()

    for at_s, place in ((SECOND_CARD_S + 0.03, 2), (SECONDS - 0.5, 2), (0.5, 0), (SECOND_CARD_S - 0.07, 0)):
        duration_s, now_s, *colour = page.evaluate(COLOUR_AT, [text, at_s])
        assert duration_s == pytest.approx(SECONDS, abs=0.05)
        assert now_s == pytest.approx(at_s, abs=0.001)
        assert int(np.argmax(colour)) == place, f"at {at_s} s it shows {colour}"
    frames, loudest = page.evaluate(LOUDEST, [text, RATE])
    assert loudest == CLICK
    assert abs(frames - len(sound)) <= 1024
