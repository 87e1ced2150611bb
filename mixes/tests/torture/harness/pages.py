"""Pages as a reader sees them: text without markup, buttons with their targets, and executable content."""

from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
UNSHOWN = {"script", "style", "template", "noscript", "title"}
INLINE = {"a", "b", "code", "em", "i", "kbd", "strong"}  # words go on across them
RUNNING = {"iframe", "object", "embed", "applet", "base", "frame", "math"}
ADDRESSES = {"href", "src", "action", "formaction", "poster", "data", "xlink:href"}
OUR_SCRIPTS = ("/static/", "/admin/jsi18n/")


class Page(HTMLParser):
    """Parses one page of the site."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.shown, self.forms, self.buttons, self.alarming, self.scripts = [], [], [], [], 0
        self._open = []
        self.feed(html)
        self.close()

    @property
    def words(self):
        return " ".join("".join(self.shown).replace("\xa0", " ").split())

    def handle_starttag(self, tag, attributes):
        self._separate(tag)
        if tag not in VOID:
            self._open.append(tag)
        facts = dict(attributes)
        self.alarming += [f"<{tag} {name}>" for name in facts if name.startswith("on") or name == "style"]
        if tag in RUNNING:
            self.alarming.append(f"<{tag}>")
        for name in ADDRESSES & facts.keys():
            address = "".join((facts[name] or "").split()).lower()
            if address.startswith(("javascript:", "vbscript:", "data:text")):
                self.alarming.append(f"<{tag} {name}={address[:20]}>")
        if tag == "script":
            self.scripts += 1
            source = facts.get("src") or ""
            is_data = facts.get("type") == "application/json"
            if not source.startswith(OUR_SCRIPTS) and not is_data:
                self.alarming.append(f"<script src={source}>")
        if tag == "form":
            self.forms.append(facts)
        if tag == "button":
            self.buttons.append(
                {"form": self.forms[-1] if "form" in self._open else {}, **facts, "words": ""}
            )

    def handle_endtag(self, tag):
        self._separate(tag)
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data):
        if UNSHOWN & set(self._open):
            return
        self.shown.append(data)
        if "button" in self._open:
            self.buttons[-1]["words"] += data

    def _separate(self, tag):
        if tag not in INLINE:
            self.shown.append(" ")

    def address_of(self, button):
        """Return the form action of a button; fails if the page has no such button."""
        found = [b for b in self.buttons if b["words"].strip() == button and "disabled" not in b]
        assert found, f"no button “{button}” among {[b['words'].strip() for b in self.buttons]}"
        return found[0].get("formaction") or found[0]["form"]["action"]
