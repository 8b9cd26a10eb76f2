"""Ladders, where they are looked at: pages in Chromium, captures in Wireshark and sngrep."""

import re
from pathlib import Path

import pytest

from drawn import CLOCK, HOSTILE, came, everything, failover, failover_ladder, journal
from drawn import journal_of_stage as journal_of
from interop.chromium import Browser
from interop.programs import Place, needs
from sansip.ladder import draw, html, pcap, svg

COMPLAINTS = "_ws.malformed or tcp.analysis.flags or (_ws.expert.severity >= 0x600000)"
CHECKED = ("ip", "udp", "tcp")
SHOWN = "Array.from(document.querySelectorAll('li')).filter(row => !row.hidden).length"
PANEL = "document.querySelector('aside').innerText"
CHOSEN = "Array.from(document.querySelectorAll('li')).findIndex(row => row.ariaSelected == 'true')"


@pytest.fixture
def browser(place: Place) -> Browser:
    return Browser(place)


@needs("chromium")
def test_a_page_is_looked_at(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "run.html"
    file.write_text(html(failover_ladder()), encoding="utf-8")
    for dark in (False, True):
        browser.load(file, dark=dark)
        assert browser.picture(tmp_path / f"page-{dark}.png") > 0.5
    paper = "getComputedStyle(document.body).backgroundColor"
    assert browser.find(paper) == "rgb(20, 23, 29)"
    assert browser.find(f"{SHOWN}") == len(failover_ladder().rows)
    assert "Call-ID: call-1" in browser.find(PANEL)
    assert browser.complaints == []


@needs("chromium")
def test_rows_are_chosen_by_mouse_and_keyboard(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "run.html"
    file.write_text(html(failover_ladder()), encoding="utf-8")
    browser.load(file)
    browser.click("li:nth-child(2)")
    assert browser.find(CHOSEN) == 1
    assert browser.find(PANEL).startswith("100 Trying\n")
    assert "SIP/2.0 100 Trying" in browser.find(PANEL)
    browser.press("ArrowDown")
    assert browser.find(CHOSEN) == 2
    assert browser.find(PANEL).startswith("NAPTR gw.example.com?")
    browser.press("End")
    assert browser.find(CHOSEN) == len(failover_ladder().rows) - 1
    browser.press("ArrowDown")
    browser.press("ArrowUp")
    assert browser.find(CHOSEN) == len(failover_ladder().rows) - 2
    browser.press("Home")
    assert browser.find(CHOSEN) == 0
    browser.press("Escape")
    assert browser.find("document.querySelector('aside').hidden") is True
    browser.press("Enter")
    assert browser.find("document.querySelector('aside').hidden") is False
    assert browser.complaints == []


@needs("chromium")
def test_rows_are_hidden(browser: Browser, tmp_path: Path) -> None:
    ladder = draw(journal(*everything()))
    file = tmp_path / "run.html"
    file.write_text(html(ladder), encoding="utf-8")
    browser.load(file)
    dns = sum([row.kind == "dns" for row in ladder.rows])
    browser.click("input[value=dns]")
    assert browser.find(SHOWN) == len(ladder.rows) - dns
    browser.click("input[value=dns]")
    browser.find(
        "const call = document.querySelector('select'); call.value = '2';"
        "call.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    name = ladder.calls()[2]
    assert browser.find(SHOWN) == sum([name in row.calls for row in ladder.rows])
    assert f"Call-ID: {name}" in browser.find(PANEL)
    assert browser.complaints == []


@needs("chromium")
def test_what_is_hostile_stays_text_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    ladder = draw(journal(came(HOSTILE), *everything()))
    file = tmp_path / "run.html"
    file.write_text(html(ladder), encoding="utf-8")
    browser.load(file)
    assert browser.find("document.title") == "all calls"
    assert "<script>document.title='header'</script><img src=x" in browser.find(PANEL)
    assert "<script>document.title='body'</script>" in browser.find(PANEL)
    assert browser.find("document.querySelectorAll('img').length") == 0
    assert browser.find("document.scripts.length") == 1
    assert browser.picture(tmp_path / "hostile.png") > 0.5
    picture = tmp_path / "run.svg"
    picture.write_text(svg(ladder), encoding="utf-8")
    browser.load(picture)
    assert browser.find("document.querySelectorAll('img, script').length") == 0
    assert browser.complaints == []


@needs("chromium")
def test_a_page_of_many_rows_and_a_picture_of_them(browser: Browser, tmp_path: Path) -> None:
    ladder = draw(journal(*everything() * 40, clock=CLOCK))
    file, picture = tmp_path / "run.html", tmp_path / "run.svg"
    file.write_text(html(ladder), encoding="utf-8")
    picture.write_text(svg(ladder), encoding="utf-8")
    browser.load(file)
    assert browser.find(SHOWN) == len(ladder.rows)
    assert browser.picture(tmp_path / "many.png") > 0.5
    assert browser.printed(tmp_path / "many.pdf").count(b"/Type /Page\n") > 10
    browser.load(picture, width=1700)
    assert browser.picture(tmp_path / "picture.png") > 0.5
    assert browser.complaints == []


@needs("tshark")
def test_wireshark_reads_a_capture_and_has_nothing_to_complain_of(place: Place) -> None:
    file = place.folder / "run.pcap"
    checks = [each for name in CHECKED for each in ("-o", f"{name}.check_checksum:TRUE")]

    def said(shown: str, *fields: str) -> list[str]:
        wanted = [each for field in fields for each in ("-e", field)]
        port = ("-d", "tcp.port==5061,sip")  # what went through TLS is there in clear
        argv = ["tshark", "-n", "-r", str(file), *checks, *port, "-Y", shown, "-T", "fields"]
        program = place.run([*argv, *(wanted or ["-e", "frame.number"])])
        assert program.ended(within=30) == 0, program.said
        return [line for line in program.said.splitlines() if "Running as user" not in line]

    stage = failover()
    file.write_bytes(pcap(journal_of(stage)))
    assert said(COMPLAINTS) == []
    assert said("sip.Status-Code", "sip.Status-Code") == [
        "100", "180", "180", "200", "200", "100", "200", "487",
    ]  # fmt: skip
    assert said("frame.number == 1", "frame.time_epoch")[0].startswith(f"{CLOCK:.2f}")
    file.write_bytes(pcap(journal(*everything())))
    assert said("_ws.malformed or tcp.analysis.flags") == []
    assert said("tcp.flags.syn == 1 and tcp.flags.ack == 0", "tcp.dstport") == [
        "5060",
        "5061",
        "5060",
    ]
    methods = said("sip.Method and not icmp", "sip.Method")
    assert methods == ["INVITE", "INVITE", "INVITE,BYE", "BYE"]
    assert said("icmp", "icmp.code") == ["3"]


@needs("sngrep")
def test_sngrep_finds_the_call(place: Place) -> None:
    file, out = place.folder / "run.pcap", place.folder / "out.pcap"
    file.write_bytes(pcap(journal_of(failover())))
    program = place.run(["sngrep", "-N", "-I", str(file), "-O", str(out)])
    assert program.ended(within=30) == 0, program.said
    assert re.search(r"Dialog count: 1\b", program.said), program.said
    assert out.read_bytes().count(b"INVITE sip:bob@gw.example.com SIP/2.0") >= 4
