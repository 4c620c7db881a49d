"""A page as tests read it."""

from html.parser import HTMLParser


class Reader(HTMLParser):
    """Collects texts of table cells, attributes, tags and ids; checks that tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.cells, self.open, self.text = [], [], [], [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        self.open.append(tag)
        if tag == "tr":
            self.cells.append([])
        elif tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if "td" in self.open or "th" in self.open:
            self.cells[-1][-1] += data.replace("\u202f", " ")

    def all(self, name):
        return [value for key, value in self.attributes if key == name]


def cells_of(text, section="layers"):
    """The table of a section, row by row."""
    start = text.index(f'<section id="{section}"')
    return Reader(text[start:text.index("</section>", start) + len("</section>")]).cells
