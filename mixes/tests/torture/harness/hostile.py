"""Names that are hostile or merely unusual, generated here."""

import itertools

LONG = 4_000


def names():
    """Yield each name with a word on what it tests."""
    yield from {
        "traversal": "../../etc/passwd",
        "traversal with backslashes": "..\\..\\windows\\win.ini",
        "absolute": "/etc/passwd",
        "encoded traversal": "%2e%2e%2f%2e%2e%2fsecret.mp3",
        "dot": ".",
        "dots": "..",
        "many dots": "." * 300,
        "hidden": ".htaccess",
        "home": "~root/x.mp3",
        "nothing": "",
        "blank": " \t ",
        "no break spaces": "\u00a0\u3000\u2003",
        "NUL": "nul\0.mp3",
        "encoded NUL": "song.mp3%00.html",
        "controls": "a\x01\x02\x08\x0b\x1b[31mred\x7f.mp3",
        "C1 controls": "a\x85b\x9b31m.mp3",
        "tab": "a\tb.mp3",
        "line": "a\nb.mp3",
        "a header": "a\r\nSet-Cookie: x=1\r\n\r\n<b>.mp3",
        "a mail header": "x\r\nBcc: victim@example.org\r\n\r\nHello",
        "a forged chapter": "Song\n0:00 Forged\n0:05 Twice",
        "a time": "0:00 Not a chapter",
        "times": "Live 00:00 - 59:59 (1:02:03)",
        "full width time": "\uff10\uff1a\uff10\uff10 sneaky",
        "line separators": "a\u2028 0:00 b\u2029 0:01 c",
        "bidi": "track\u202e3pm.exe",
        "isolates": "\u2066a\u2069\u200f\u200e.mp3",
        "zero width": "a\u200bb\u2060c\ufeff.mp3",
        "soft hyphen": "so\u00adng.mp3",
        "tags of Unicode": "a\U000e0041\U000e007f.mp3",
        "lone surrogate": "\udcff.mp3",
        "surrogates": "\ud83d\ude00 \ud800.mp3",
        "not characters": "a\ufffe\uffff\ufdd0.mp3",
        "right to left": "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627.mp3",
        "emoji": "\U0001f3b5" * 90 + ".mp3",
        "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd.mp3",
        "zalgo": "Z" + "\u0301\u0316\u0334" * 200 + "algo.mp3",
        "composed": "\u00e9tude.mp3",
        "decomposed": "e\u0301tude.mp3",
        "full width": "\uff46\uff55\uff4c\uff4c.mp3",
        "expands": "\ufdfa" * 200,
        "long": "x" * LONG + ".mp3",
        "long word of marks": "\u0301" * LONG,
        "Windows device": "con.mp3",
        "device and number": "LPT1",
        "trailing dot": "x.mp3.",
        "trailing blank": "x.mp3 ",
        "executable": "x.mp3.exe",
        "page": "x.php.mp3",
        "stream of NTFS": "x.mp3::$DATA",
        "option": "-i.mp3",
        "long option": "--help",
        "video filter": "-vf",
        "pattern": "img%03d.png",
        "globs": "a*?[b]{c}.mp3",
        "protocol": "http:evil.mp3",
        "concat": "concat:a|b.mp3",
        "pipe": "pipe:0",
        "shell": "$(touch /tmp/pwn) `id` ;a|b&c.mp3",
        "quotes": 'it\'s "quoted" \u201cso\u201d.mp3',
        "SQL": "x', (select 1));-- %_\\.mp3",
        "script": "<script>alert(1)</script>",
        "image": "<img src=x onerror=alert(1)>.mp3",
        "closes an attribute": '" autofocus onfocus=alert(1) x="',
        "closes in single quotes": "' onmouseover='alert(1)",
        "closes a title": "</title></textarea><svg/onload=alert(1)>",
        "entities": "&lt;script&gt;&#x3c;img&#62; &amp;",
        "address": "javascript:alert(1)//",
        "comment": "<!-- --!> <![CDATA[ ]]>",
        "template": "{{7*7}} {% load static %} {# x #} ${7*7}",
        "log4j": "${jndi:ldap://x}",
        "format": "%s %d %(title)s {0} {title}",
        "formula": "=cmd|' /C calc'!A0",
        "formula with plus": "+1+1",
        "formula with at": "@SUM(1)",
        "ffmetadata": "t;artist=INJECTED\n[CHAPTER]\nSTART=0\nEND=1\ntitle=forged",
        "drawtext": "x':textfile=/etc/passwd:text='%{pts}",
        "ASS": "{\\an8}{\\b1}\\N forged",
        "cue": 'a"\n  TRACK 99 AUDIO\n    INDEX 01 00:00:00\nREM "',
        "JSON": '","startTime":0},{"title":"forged',
        "link": "https://evil.example/x visit www.evil.example",
        "placeholders": "{title} {tracklist} {date}",
        "hashtags": "#a #b @everyone",
        "log line": "x\n2026-01-01 00:00:00.000 ERROR forged by=me",
    }.items()


NAMES = dict(names())


def storable(text):
    """Return what a database can store of a text, for rows without clean-up."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:190] or "?"


def pairs():
    """Yield titles and artists: each name as a title once, with another one as the artist."""
    values = list(NAMES.values())
    yield from zip(values, itertools.islice(itertools.cycle(values), 7, None), strict=False)
