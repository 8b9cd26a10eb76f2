"""SVG, HTML and Mermaid: what is in them, and that nothing a network says is more than text."""

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from drawn import CLOCK, HOSTILE, came, everything, failover_ladder, journal
from sansip.ladder import KINDS, Column, Kind, Ladder, Row, as_html, draw, html, mermaid, svg
from sansip.ladder.calendar import written
from sansip.ladder.markup import escaped, visible

SVG = "{http://www.w3.org/2000/svg}"
TIME = re.compile(r" \d+\.\d{3} ")


class Reader(HTMLParser):
    """What a browser would find: elements with their attributes, and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        within = self.open[-1] if self.open else ""
        self.texts[within] = self.texts.get(within, "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def whole() -> Ladder:
    return draw(journal(*everything(), clock=CLOCK))


# --- SVG


@pytest.mark.golden
def test_a_call_that_fails_over_as_svg(golden: Callable[..., None]) -> None:
    golden("failover.svg", svg(failover_ladder()))


def test_an_svg_is_xml_with_a_title_and_a_description() -> None:
    root = ET.fromstring(svg(whole()))  # noqa: S314 - our own
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title desc"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert title.text == "all calls, 0.000 is 2026-11-23 17:00:00.250 UTC"
    assert description is not None
    assert description.text is not None
    assert description.text.startswith("A ladder of 32 rows between program, 198.51.100.1:5060,")


def test_everything_in_an_svg_is_within_it() -> None:
    for ladder in (whole(), failover_ladder(), Ladder("here", (), ()), draw(journal())):
        root = ET.fromstring(svg(ladder))  # noqa: S314 - our own
        width = float(root.get("width", "0"))
        for pill in root.iter(f"{SVG}rect"):
            if pill.get("width") != "100%":
                at = float(pill.get("x", "0"))
                assert 0 <= at < at + float(pill.get("width", "0")) <= width
        for text in root.iter(f"{SVG}text"):
            assert 0 <= float(text.get("x", "0")) <= width


def test_an_svg_has_rows_of_all_kinds_in_their_colours() -> None:
    found = {group.get("class") for group in ET.fromstring(svg(whole())).iter(f"{SVG}g")}  # noqa: S314 - our own
    assert found >= {"asked", "said", "flow", "bad", "policy", "note trouble"}
    assert found >= {f"note {kind}" for kind in ("dns", "timer", "failover", "report", "operator")}


def test_copies_and_lost_ones_are_marked() -> None:
    columns = (Column("a", "a"), Column("b", "b"))
    row = Row(0.0, 0, "message", "a", "b", "INVITE", again=1)
    lost = Row(0.0, 0, "message", "b", "a", "200 OK", lost=True)
    drawn = svg(Ladder("here", columns, (row, lost)))
    assert '<g class="asked again">' in drawn
    assert drawn.count('class="tip"') == 1
    assert ">200 OK (lost)<" in drawn


def test_a_note_in_the_last_column_has_room() -> None:
    note = Row(0.0, 0, "failover", "a", None, "word " * 20)
    assert svg(Ladder("here", (Column("a", "a"),), (note,))).count(">word word") == 2


def test_labels_that_are_cut_are_there_in_whole() -> None:
    long = "INVITE " + "x" * 200
    columns = (Column("a", "a"), Column("b", "b"))
    drawn = svg(Ladder("here", columns, (Row(0.0, 0, "message", "a", "b", long),)))
    assert f"<title>{long}</title>INVITE " in drawn
    assert drawn.count(long) == 1


def test_an_svg_says_what_it_leaves_out_and_when_nothing_happened() -> None:
    assert ">only 3<" in svg(Ladder("here", (), (), ("only 3",)))
    assert ">nothing happened<" in svg(Ladder("here", (), ()))
    assert ">An empty ladder.<" in svg(Ladder("here", (), ()))
    assert "nothing happened" not in svg(whole())


# --- HTML


def test_a_page_loads_nothing_and_runs_nothing_but_its_own() -> None:
    page = html(whole())
    found = Reader(page)
    assert found.open == []
    policy = found.all("meta")[1]["content"]
    assert policy is not None
    script, style = found.texts["script"], found.texts["style"]
    for content, kind in ((script, "script"), (style, "style")):
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert len(found.all("script")) == len(found.all("style")) == 1
    attributes = {name for _, each in found.tags for name in each}
    assert not [name for name in attributes if name.startswith("on") or name in ("src", "href")]
    assert "http" not in page.replace("http-equiv", "")
    assert "innerHTML" not in script


def test_what_is_hostile_stays_text() -> None:
    found = Reader(html(draw(journal(came(HOSTILE)))))
    names = {name for name, _ in found.tags}
    assert not names & {"img", "iframe", "object", "a"}
    assert len(found.all("script")) == 1
    assert "<script>document.title='body'</script>" in found.texts["pre"]
    assert "<script>document.title='header'</script>" in found.texts["pre"]
    assert "\x1b" not in found.texts["pre"]
    assert "\u202e" not in found.texts["pre"]
    assert r"\x1b[31m\x00 \xff \u202e]]> &amp; end; #%%{}" in found.texts["pre"]
    assert found.texts["i"].startswith("Call-IDCSeqSubject</pre></li><b>")
    (row,) = found.all("li")
    assert row["data-text"] == "INVITE sip:</text><img/src=x>\"%s';--@x"
    ET.fromstring(svg(draw(journal(came(HOSTILE)))))  # noqa: S314 - our own


def test_rows_have_what_is_shown_of_them() -> None:
    ladder = failover_ladder()
    found = Reader(html(ladder))
    shown = found.all("li")
    assert len(shown) == len(ladder.rows)
    first, *_, last = shown
    assert first["data-message"] == "0"
    assert first["data-facts"] == "0.000 s, 198.51.100.1:5060 to proxy, step 1"
    assert first["aria-label"] == f"{first['data-text']}, {first['data-facts']}"
    assert last["data-message"] == ""
    assert {row["data-filter"] for row in shown} == {"", "timer", "dns", "again"}
    boxes = [box["value"] for box in found.all("input")]
    assert boxes == ["timer", "dns", "again"]
    assert not found.all("select")  # there is one call
    messages = [pre["id"] for pre in found.all("pre")[1:]]
    assert messages == [f"m{n}" for n in range(len({row.data for row in ladder.rows} - {b""}))]


def test_calls_can_be_chosen_where_there_are_several() -> None:
    ladder = whole()
    found = Reader(html(ladder))
    assert [option["value"] for option in found.all("option")] == ["", "0", "1", "2", "3"]
    calls = {row["data-calls"] for row in found.all("li")}
    assert calls == {"", "0", "1", "2", "3"} | calls
    assert "call-2" in found.texts["option"]


def test_of_too_many_rows_and_bytes_the_rest_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = html(failover_ladder(), most=3)
    assert len(Reader(page).all("li")) == 3
    assert "the first 3 of 36 rows" in page
    monkeypatch.setattr(as_html, "MOST_CELLS", 41)
    assert len(Reader(html(failover_ladder())).all("li")) == 10
    monkeypatch.undo()
    monkeypatch.setattr(as_html, "MOST_BYTES", 500)
    assert "left out: the file has enough of them" in html(failover_ladder())


def test_a_page_of_nothing() -> None:
    assert Reader(html(draw(journal()))).all("li") == []
    assert Reader(html(Ladder("here", (), ()))).all("li") == []


def test_messages_have_their_headers_marked() -> None:
    found = Reader(html(draw(journal(came(b"A b SIP/2.0\r\nX: y\r\n z: w\r\nodd\r\n\r\nk: v")))))
    assert found.texts["b"] == "A b SIP/2.0"
    assert found.texts["i"] == "X"
    assert found.texts["pre"].strip("\n") == "\n: y\n z: w\nodd\n\nk: v".strip("\n")


# --- Mermaid


@pytest.mark.golden
def test_a_call_that_fails_over_as_mermaid(golden: Callable[..., None]) -> None:
    golden("failover.mmd", mermaid(failover_ladder()))


def test_mermaid_has_a_line_for_each_row_and_no_syntax_from_outside() -> None:
    ladder = whole()
    lines = mermaid(ladder).splitlines()
    assert lines[0] == "sequenceDiagram"
    assert len(lines) == 2 + len(ladder.columns) + len(ladder.rows)
    for line in lines[1:]:
        bare = re.sub(r"#\d+;", "", line)
        assert not set(bare) & set("#;<>%{}\"'") - {">"}, line
        assert bare.count(">") in (0, 2)


def test_words_that_mermaid_knows_are_none_here() -> None:
    columns = (Column("a", "end"), Column("b", "the end of it"))
    rows = (
        Row(0.0, 0, "message", "a", "b", "BYE end; note #1", lost=True),
        Row(0.0, 0, "flow", "b", "a", "x" * 200),
        Row(0.0, 0, "message", "b", "a", "copy", again=1),
    )
    assert mermaid(Ladder("here", columns, rows, ("only",))).splitlines() == [
        "sequenceDiagram",
        "    participant p0 as #101;nd",
        "    participant p1 as the #101;nd of it",
        "    Note over p0: here",
        "    Note over p0: only",
        "    p0-xp1: 0.000 BYE #101;nd#59; note #35;1 (lost)",
        f"    p1-->>p0: 0.000 {'x' * 157}...",
        "    p1-->>p0: 0.000 copy (again)",
    ]


def test_what_is_too_long_for_mermaid_is_cut_and_that_is_said() -> None:
    row = Row(0.0, 0, "message", "a", "a", "x" * 100)
    drawn = mermaid(Ladder("here", (Column("a", "a"),), (row,) * 1000))
    assert len(drawn) < 50_000
    assert re.search(r"Note over p0: \d{3} more rows\n$", drawn)


def test_mermaid_of_nothing() -> None:
    assert mermaid(Ladder("here", (), ())) == "sequenceDiagram\n"


# --- what they share


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_can_be_an_arrow_and_a_note(kind: Kind) -> None:
    columns = (Column("a", "a"), Column("b", "b"))
    rows = tuple([Row(0.0, 0, kind, "a", target, "words") for target in ("b", None, "a")])
    drawn = svg(Ladder("here", columns, rows))
    assert drawn.count(">words<") + drawn.count(">DNS: words<") == 3


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "1970-01-01 00:00:00.000 UTC"),
        (951_782_399.9996, "2000-02-29 00:00:00.000 UTC"),
        (951_868_799.0, "2000-02-29 23:59:59.000 UTC"),
        (1_709_164_800.5, "2024-02-29 00:00:00.500 UTC"),
        (4_107_542_400.0, "2100-03-01 00:00:00.000 UTC"),
        (-1.0, "1969-12-31 23:59:59.000 UTC"),
    ],
)
def test_times_of_day(seconds: float, said: str) -> None:
    assert written(seconds) == said


def test_text_in_markup() -> None:
    assert escaped("<a href='b'>\"&amp;") == "&lt;a href=&#39;b&#39;&gt;&quot;&amp;amp;"
    assert escaped("abc") == "abc"
    assert visible(b"a\tb\r\nc\x7f\x00\r") == "a\tb\nc\\x7f\\x00\\r"
