"""Tests of tracklists for other sites and programs."""

import csv
import io
from xml.etree import ElementTree

import pytest

from mixes.engine.tracklist.chapters import Chapter
from mixes.engine.tracklist.texts import FORMS

RATE = 48_000


def chapter(start_s, title, artist=""):
    return Chapter(round(start_s * RATE), start_s, title, artist)


CHAPTERS = (
    chapter(0.0, "Early Light", "Amber Field"),
    chapter(221.25, "Rock & <Roll>", 'The "Quotes"'),
    chapter(400.9, "Alone"),
)


def text(form, chapters=CHAPTERS, duration_s=600.5):
    return FORMS[form].write(chapters, duration_s)


KNOWN = {
    "mixcloud": 'Amber Field - Early Light\nThe "Quotes" - Rock & <Roll>\nAlone\n',
    "1001tracklists": '[00:00] Amber Field - Early Light\n[03:41] The "Quotes" - Rock & <Roll>\n'
    "[06:40] Alone\n",
    "marks": '00:00:00.000 Amber Field \u2013 Early Light\n00:03:41.250 The "Quotes" \u2013 Rock & <Roll>\n'
    "00:06:40.900 Alone\n",
    "youtube": '0:00 Amber Field \u2013 Early Light\n3:41 The "Quotes" \u2013 Rock & \u2039Roll\u203a\n'
    "6:40 Alone\n",
}


@pytest.mark.parametrize("form", KNOWN)
def test_each_list_is_as_its_readers_expect(form):
    assert text(form) == KNOWN[form]


def test_a_mix_of_an_hour_has_hours_in_every_line():
    lines = text("1001tracklists", (CHAPTERS[0], chapter(3725.0, "Late")), 4000.0).splitlines()
    assert lines == ["[0:00:00] Amber Field - Early Light", "[1:02:05] Late"]


def test_the_table_is_read_back_with_every_name_and_length():
    shown = text("csv")
    assert shown.startswith("\ufeffnumber,")
    rows = list(csv.DictReader(io.StringIO(shown.removeprefix("\ufeff"))))
    assert [row["title"] for row in rows] == ["Early Light", "Rock & <Roll>", "Alone"]
    assert [row["artist"] for row in rows] == ["Amber Field", 'The "Quotes"', ""]
    assert [float(row["length_s"]) for row in rows] == pytest.approx([221.25, 179.65, 199.6])


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_tag_is_no_formula(start):
    rows = list(csv.reader(io.StringIO(text("csv", (chapter(0.0, f"{start}1+1", f"{start}A1"),)))))
    assert rows[1][-2:] == [f"'{start}A1", f"'{start}1+1"]


def test_podlove_chapters_are_valid_xml():
    root = ElementTree.fromstring(text("podlove"))
    space = "{http://podlove.org/simple-chapters}"
    assert (root.tag, root.get("version")) == (f"{space}chapters", "1.2")
    assert [(child.get("start"), child.get("title")) for child in root.findall(f"{space}chapter")] == [
        ("00:00:00.000", "Amber Field \u2013 Early Light"),
        ("00:03:41.250", 'The "Quotes" \u2013 Rock & <Roll>'),
        ("00:06:40.900", "Alone"),
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_name_never_begins_a_line_of_its_own(form):
    hostile = (chapter(0.0, "One\n9:99 Two\r\nThree", "A\nB"),)
    assert len(text(form, hostile).splitlines()) == len(text(form, CHAPTERS[:1]).splitlines())
