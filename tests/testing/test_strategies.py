"""The strategies make what they promise: all that is allowed, and what is nearly so."""

import importlib
import re
import subprocess
import sys
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import sansip
import sansip.testing as sansip_testing
from sansip.message import parse_name_addr, parse_uri, parse_via
from sansip.message.grammar import is_quoted_string, is_token, unfold
from sansip.testing import (
    FAULTS,
    Fault,
    hosts,
    messages,
    name_addrs,
    near_valid,
    quoted_strings,
    requests,
    responses,
    segmentations,
    tokens,
    twins,
    uris,
    vias,
)

T = TypeVar("T")


def made_by(strategy: st.SearchStrategy[T], number: int = 400) -> list[T]:
    """So many of them, the same in every run."""
    found: list[T] = []

    @settings(
        max_examples=number,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(strategy)
    def collect(made: T) -> None:
        found.append(made)

    collect()
    return found


@pytest.fixture(scope="module")
def many() -> list[bytes]:
    return [made.render() for made in made_by(messages(), 1000)]


@pytest.fixture(scope="module")
def many_uris() -> list[str]:
    return made_by(uris(), 1200)


def readable(data: bytes) -> bool:
    try:
        sansip.parse(data)
    except sansip.RemoteProtocolError:
        return False
    return True


# Messages


@given(messages(framed=False))
def test_every_valid_message_can_be_read(made: sansip.Request | sansip.Response) -> None:
    read = sansip.parse(made.render())
    assert read == made
    assert read.names == made.names


@given(messages())
def test_a_framed_message_has_one_content_length(made: sansip.Request | sansip.Response) -> None:
    assert made.names.count("content-length") == 1
    assert made.content_length == len(made.body)


@pytest.mark.parametrize(
    "sought",
    [
        *(
            rb"\r\n[ \t]",
            rb"(?i)\nv *:",
            rb"(?i)\nvia\t? :",
            rb"\nVIA",
            rb"(?i)\nv(ia)?[ \t]*:[^\r]*,",
        ),
        *(
            rb"=\[[0-9a-f:.]+\]",
            rb"::ffff:[0-9.]+\]",
            rb"\\\0",
            rb'\\"',
            rb"\xe2\x82\xac",
            rb"\xc0\x80",
        ),
        *(
            rb"[^\x80-\xff]\x80",
            rb"%2525",
            rb"^[!%*+`'~]",
            rb"\n[a-z]*[!%*_+`'~]",
            rb"^[^ ]+ tel:",
            rb" : ",
        ),
        *(
            rb"\r\n\r\n[^\r]*[\x80-\xff]",
            rb"\r\n\r\n[^\n]*\n",
            rb"SIP/2.0 [0-9]{3} \r\n",
            rb";[ \t\r\n]+tag",
        ),
        *(rb"(?i)content-length:[^\r]*00", rb"(?i)sip\s*/\s+2.0", rb"\r\n\r\n$", rb"(?i)reason: "),
    ],
)
def test_valid_messages_have_all_that_is_allowed(many: list[bytes], sought: bytes) -> None:
    assert any(re.search(sought, data) for data in many)


def test_what_need_not_be_there_is_missing_at_times() -> None:
    names = [" ".join(made.names) for made in made_by(requests(framed=False))]
    assert 0.1 < sum("content-length" not in each for each in names) / len(names) < 0.9
    assert 0.1 < sum("max-forwards" not in each for each in names) / len(names) < 0.9
    assert any(re.search("via .*to .*via", each) for each in names), "they are in any order"


@given(requests("INVITE"), responses(486, "BYE"), responses())
def test_start_lines_can_be_chosen(
    request: sansip.Request, response: sansip.Response, another: sansip.Response
) -> None:
    assert (request.method, request.cseq.method) == ("INVITE", "INVITE")
    assert (response.status, response.cseq.method) == (486, "BYE")
    assert 100 <= another.status <= 699


def test_half_of_the_messages_are_in_the_usual_spelling(many: list[bytes]) -> None:
    usual = [data for data in many if b"\r\nVia: " in data and b"\r\nCall-ID: " in data]
    assert 0.4 < len(usual) / len(many) < 0.8


@given(twins())
def test_twins_have_the_same_start_line_body_and_names(
    both: tuple[sansip.Request, sansip.Request] | tuple[sansip.Response, sansip.Response],
) -> None:
    usual, other = both
    assert usual.render().partition(b"\r\n")[0] == other.render().partition(b"\r\n")[0]
    assert usual.body == other.body
    assert set(usual.names) == set(other.names)
    assert b"\r\n " not in usual.render().partition(b"\r\n\r\n")[0]


# Mistakes


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_refused_and_accepted(fault: Fault) -> None:
    verdicts = [readable(data) for data in made_by(near_valid(fault, most=1), 100)]
    assert any(verdicts)
    assert not all(verdicts)


def test_messages_with_faults_are_good_and_bad_in_fair_parts() -> None:
    verdicts = [readable(data) for data in made_by(near_valid())]
    assert 0.2 < sum(verdicts) / len(verdicts) < 0.8


# Parts


@given(tokens())
def test_tokens(text: str) -> None:
    assert is_token(text)


@given(hosts())
def test_hosts(text: str) -> None:
    uri = parse_uri(f"sip:{text}:5062")
    assert uri.host == text.lower().strip("[]")
    assert uri.port == 5062
    assert parse_via(f"SIP/2.0/UDP {text}:5062").port == 5062


@pytest.mark.parametrize("pattern", [r"\[.*:.*\]", r"[0-9.]+", r".*\.", r"[a-z].*-.*"])
def test_all_kinds_of_hosts(pattern: str) -> None:
    assert any(re.fullmatch(pattern, text) for text in made_by(hosts()))


@given(uris())
def test_uris(text: str) -> None:
    assert parse_uri(text).text == text


@given(uris("sip", "sips"), uris("tel"), uris("x-odd"), uris(headers=False))
def test_uris_of_the_chosen_kind(sip: str, tel: str, odd: str, bare: str) -> None:
    assert parse_uri(sip).is_sip
    assert parse_uri(tel).scheme == "tel"
    assert parse_uri(odd).scheme == "x-odd"
    assert parse_uri(bare).headers is None


@pytest.mark.parametrize(
    "pattern",
    [
        r"sips?:[^@]*[;?/&][^@]*@.*",
        r".*%00.*",
        r".*\?.*&.*",
        r"sip:[^@]*:[^@]*@.*",
        r".*;lr.*",
        r"S.*",
        r"[Ii][Mm]:.*",
    ],
)
def test_all_kinds_of_uris(many_uris: list[str], pattern: str) -> None:
    assert any(re.fullmatch(pattern, text) for text in many_uris)


@given(quoted_strings())
def test_quoted_strings(text: str) -> None:
    assert is_quoted_string(unfold(text))


@given(name_addrs(), name_addrs(tag=True), name_addrs(tag=False))
def test_name_addrs(text: str, with_tag: str, without: str) -> None:
    parse_uri(parse_name_addr(text).uri_text)
    assert parse_name_addr(with_tag).param("tag")
    assert parse_name_addr(without).param("tag") is None


@given(vias())
def test_vias(text: str) -> None:
    made = parse_via(unfold(text))
    assert parse_via(str(made)) == made


# Streams


@given(st.data(), st.binary(max_size=30))
def test_segments_are_the_whole(data: st.DataObject, whole: bytes) -> None:
    pieces = data.draw(segmentations(whole))
    assert b"".join(pieces) == whole
    assert all(pieces)


def test_all_kinds_of_segments() -> None:
    made = made_by(segmentations(b"one\r\n\r\ntwo!\r\n"))
    lengths = [tuple(map(len, pieces)) for pieces in made]
    assert (13,) in lengths, "all at once"
    assert (1,) * 13 in lengths, "byte by byte"
    assert (4, 9) in lengths, "between CR and LF"
    assert any(len(each) == 3 for each in lengths), "anywhere"


# Hypothesis


def test_without_hypothesis_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("sansip.testing")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    testing = importlib.import_module("sansip.testing")
    with pytest.raises(ImportError, match="pip install hypothesis"):
        _ = testing.messages


def test_what_is_not_there_is_said_as_always() -> None:
    testing = importlib.import_module("sansip.testing")
    with pytest.raises(
        AttributeError, match=r"module 'sansip\.testing' has no attribute 'mesages'"
    ):
        _ = testing.mesages


@pytest.mark.parametrize("name", sansip_testing.__all__)
def test_everything_that_is_promised_is_there(name: str) -> None:
    assert getattr(sansip_testing, name) is not None


def test_the_core_does_without_hypothesis() -> None:
    program = "import sys; sys.modules['hypothesis'] = None; import sansip, sansip.agenda"
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - this very Python
