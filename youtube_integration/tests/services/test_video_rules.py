"""YouTube's limits: the form accepts exactly what YouTube accepts; chapters are read from the text."""

from datetime import timedelta

import pytest
from django.utils import timezone

from youtube_integration.forms import PublishForm
from youtube_integration.google.client import Api
from youtube_integration.google.types import Refused, VideoDetails
from youtube_integration.services.video_rules import (
    chapter_rules,
    count_tags,
    find_faults,
    fitting_tags,
    fitting_title,
    read_tags,
)
from youtube_integration.tests.publications import give_tokens

FILLED = {
    "title": "Evenings in the North",
    "description": "0:00 A",
    "tags": "mix",
    "category": "10",
    "privacy": "private",
    "made_for_kids": "no",
}
LONG_TAGS = ",".join(["x" * 49] * 1 + [f"{number:049d}" for number in range(9)])  # 10 of 49 and 9 commas: 499


@pytest.fixture
def api(google):
    api = Api(give_tokens(google), lambda tokens: None)
    yield api
    api.close()


def is_taken_by_youtube(api, details):
    try:
        api.open_session(details, size=1000, file_name="mixtape-1.mp4")
    except Refused as refusal:
        assert refusal.status == 400
        return False
    return True


BORDERS = [
    ("title", "x" * 100, True),
    ("title", "x" * 101, False),
    ("title", "ü" * 100, True),
    ("title", "\U0001f3b5" * 100, True),  # characters, not bytes
    ("title", "\U0001f3b5" * 101, False),
    ("title", "one < two", False),
    ("title", "one > two", False),
    ("title", "", False),
    ("title", "   ", False),
    ("description", "x" * 5000, True),
    ("description", "x" * 5001, False),
    ("description", "ü" * 2500, True),
    ("description", "ü" * 2500 + "x", False),
    ("description", "夜" * 1666 + "xx", True),
    ("description", "夜" * 1666 + "xxx", False),
    ("description", "\U0001f3b5" * 1250, True),
    ("description", "\U0001f3b5" * 1250 + "x", False),
    ("description", "x" * 4998 + "\r\n", True),  # a browser's line end is sent as one byte
    ("description", "x" * 4999 + "\r\n", True),
    ("description", "x" * 5000 + "\r\n", False),
    ("description", "a <b", False),
    ("description", "a b>", False),
    ("description", "", True),
    ("tags", LONG_TAGS + "y", True),  # 500
    ("tags", LONG_TAGS + "yy", False),  # 501
    ("tags", "a" + LONG_TAGS[1:-3] + " yz", False),  # 499, and two for the space
    ("tags", LONG_TAGS[:-4] + " y", True),  # 497 and its quotes
    ("tags", "x" * 500, True),
    ("tags", "x" * 501, False),
    ("tags", "x" * 248 + " " + "x" * 249, True),  # 498 and its quotes
    ("tags", "x" * 249 + " " + "x" * 249, False),
    ("tags", "a<b", False),
    ("tags", "", True),
    ("category", "10", True),
    ("category", "music", False),
    ("privacy", "unlisted", True),
    ("privacy", "everybody", False),
]


@pytest.mark.parametrize(("field", "value", "is_taken"), BORDERS)
def test_the_form_takes_what_youtube_takes(api, field, value, is_taken):
    form = PublishForm({**FILLED, field: value})
    assert form.is_valid() is is_taken, form.errors
    if not is_taken:
        assert set(form.errors) == {field}
    sent = {field: read_tags(value) if field == "tags" else value.replace("\r\n", "\n")}
    assert is_taken_by_youtube(api, VideoDetails(**{"title": "A", "category": "10", **sent})) is is_taken


@pytest.mark.parametrize(
    ("privacy", "from_now", "is_taken"),
    [
        ("private", timedelta(minutes=5), True),
        ("private", timedelta(minutes=-5), False),  # YouTube would accept it and publish at once
        ("unlisted", timedelta(minutes=5), False),
        ("public", timedelta(minutes=5), False),
    ],
)
def test_a_time_is_for_private_videos_and_lies_ahead(api, privacy, from_now, is_taken):
    details = VideoDetails("A", privacy=privacy, publish_at=timezone.now() + from_now)
    faults = find_faults(details)
    assert (faults == ()) is is_taken
    assert all(fault.field == "publish_at" and fault.text.endswith(".") for fault in faults)
    if privacy != "private":
        assert not is_taken_by_youtube(api, details)


def test_made_for_kids_must_be_answered():
    form = PublishForm({**FILLED, "made_for_kids": ""})
    assert list(form.errors) == ["made_for_kids"]


def test_a_comma_separated_line_is_read_as_tags():
    assert read_tags(" deep house, mix,, mix ,\nÓlafur ") == ("deep house", "mix", "Ólafur")
    assert count_tags(read_tags("deep house,mix")) == len('"deep house",mix')


def test_suggested_texts_are_made_to_fit():
    assert fitting_title("x" * 101) == "x" * 99 + "…"
    assert fitting_title("A <b>  song") == "A \u2039b\u203a song"
    tags = fitting_tags([f"artist number {number}" for number in range(100)] + ["a,b<c>"])
    assert count_tags(tags) <= 500 < count_tags([*tags, "artist number 99"])
    assert fitting_tags(["a,b<c>", ""]) == ("a b c",)


def holding(description, duration_s=600.0):
    return [rule.holds for rule in chapter_rules(description, duration_s)]


def reasons(description, duration_s=600.0):
    return [rule.reason for rule in chapter_rules(description, duration_s)]


def test_good_chapters_hold_all_four_rules():
    assert holding("Title\n\n0:00 A\n3:20 B\n09:50 C\n\n#mix") == [True] * 4
    assert holding("0:00:00 A\n0:59:59 B\n1:00:10 C", 3700.0) == [True] * 4


def test_every_broken_rule_has_its_reason():
    assert reasons("no times") == ["no line has a time", "there are 0", *["no line has a time"] * 2]
    assert reasons("0:01 A\n1:00 B\n2:00 C")[0] == "it begins at 0:01"
    assert reasons("0:00 A\n1:00 B")[1] == "there are 2"
    assert reasons("0:00 A\n2:00 B\n1:00 C")[2] == "1:00 comes after 2:00"
    assert reasons("0:00 A\n1:00 B\n1:09 C")[3] == "the one at 1:00 lasts 9 s"
    assert reasons("0:00 A\n1:00 B\n1:10 C")[3] == ""
    assert reasons("0:00 A\n1:00 B\n9:51 C")[3] == "the one at 9:51 lasts 9 s"
    assert reasons("0:00 A\n1:00 B\n11:00 C")[3] == "11:00 is after the end"


def test_a_line_without_a_timestamp_is_no_chapter():
    assert holding("0:00 A\n3:00 B\n5:00 C\nat 12:345 or 1:22:33:44 o'clock") == [True] * 4
