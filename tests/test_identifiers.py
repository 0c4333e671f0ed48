from __future__ import annotations

import sys
from unicodedata import category, combining, normalize
from unicodedata import name as name_of
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from walead_async.errors import InvalidInputError
from walead_async.identifiers import MAX_IDENTIFIER, path_id, public_identifier, record_id

JOHN = [
    "john-doe",
    "John-Doe",
    "https://www.linkedin.com/in/john-doe/",
    "https://www.linkedin.com/in/john-doe",
    "HTTPS://WWW.LINKEDIN.COM/IN/JOHN-DOE",
    "http://linkedin.com/in/john-doe",
    "linkedin.com/in/john-doe?trk=public_profile",
    "www.linkedin.com/in/john-doe#about",
    "//linkedin.com/in/john-doe",
    "https:/www.linkedin.com/in/john-doe",
    "https://https://www.linkedin.com/in/john-doe",
    "http://user@www.linkedin.com:443/in/john-doe",
    "https://de.linkedin.com/in/john-doe",
    "https://uk.linkedin.com/in/john-doe/",
    "linkedin.com./in/john-doe",
    "https://www.linkedin.cn/in/john-doe",
    "https://www.linkedin.com/in/john-doe/en",
    "https://www.linkedin.com/in/john-doe/?locale=de_DE",
    "https://www.linkedin.com/in/john-doe/details/experience/",
    "https://www.linkedin.com/in/john-doe/recent-activity/all/?x=https://a.example/b",
    "https://www.linkedin.com//in//john-doe//",
    "https://www.linkedin.com/mwlite/in/john-doe",
    "https://www.linkedin.com/comm/in/john-doe?lipi=urn",
    "https://www.linkedin.com/pub/john-doe",
    "linkedin://in/john-doe",
    "linkedin://profile/john-doe?x=1",
    "https%3A%2F%2Fwww.linkedin.com%2Fin%2Fjohn-doe%2F",
    "linkedin.com\\in\\john-doe",
    "/in/john-doe",
    "in/john-doe/",
    "john-doe/",
    "john-doe?trk=public_profile",
    "%6Aohn-doe",
    "  john-doe\t\n",
    "\u00a0john-doe\u2003",
    "\ufeffjohn-doe",
    "\u200bjohn-doe\u200d\u2060",
    "\u202ajohn-doe\u202c",
    "@john-doe",
    "'john-doe'",
    '"https://www.linkedin.com/in/john-doe/"',
    "“john-doe”",
    "„john-doe‟",
    "«john-doe»",
    "<https://www.linkedin.com/in/john-doe>",
    "john-doe,",
    "https://www.linkedin.com/in/john-doe.",
    "https://www.linkedin.com/in/john-doe%20",
    "https://www.linkedin.com/in/%22john-doe%22",
    "(john-doe)",
    "john-doe).",
    "**john-doe**",
    "• john-doe",
    "¿John-Doe?",
    "john-doe。",
    "[https://www.linkedin.com/in/john-doe]",
    "<linkedin.com/in/john-doe>.",
    "{{https://www.linkedin.com/in/john-doe}}",
    "https://www.linkedin.com/in/john-doe&trk=public_profile",
    "https://www.linkedin.com/in/john-doe&section=x&copy=1",
    "https://www.linkedin.com/in/john-doe/&trk=x",
    "https://www.linkedin.com/in/john-doe&",
    "linkedin://in/john-doe&x=1",
    "https://www.linkedin.com/in/john-doe?a=1&amp;b=2",
    "https://www.linkedin.com/in/john-doe&amp;trk=x",
    "https:&#x2F;&#x2F;www.linkedin.com&#47;in&#47;john-doe",
    "&quot;john-doe&quot;&nbsp;",
    "https://www.linkedin.com/in/in/john-doe",
    "linkedin.com/in/IN/in/john-doe/",
    "https://www.linkedin.com/in/john-doehttps://www.linkedin.com/in/john-doe",
    "https://www.linkedin.com/in/john-doe/https://www.linkedin.com/in/john-doe/",
    "https://www.linkedin.com/in/john-doe\nhttps://de.linkedin.com/in/John-Doe/en",
    "linkedin.com/in/john-doe, linkedin.com/in/john-doe",
    "www.linkedin.com/in/john-doewww.linkedin.com/in/john-doe",
    "linkedin.com/in/john-doe linkedin.com/in/john-doe",
    "[https://linkedin.com/in/john-doe](https://linkedin.com/in/john-doe)",
    "https://www.linkedin.com/in/john-doe/in/",
    "https://www.linkedin.com/in/john-doe?original_referer=https://www.linkedin.com/in/jane",
    "jo\u200bhn\u00ad-d\u2060oe",
    "\u202ajohn\ufeff-doe\u200e",
    "https://www.linkedin.com/in/john%E2%80%8B-doe",
]


@pytest.mark.parametrize("pasted", JOHN)
def test_every_spelling_of_one_person_is_one_key(pasted: str) -> None:
    assert public_identifier(pasted) == "john-doe"


@pytest.mark.parametrize(
    ("pasted", "key"),
    [
        ("https://www.linkedin.com/in/j%C3%BCrgen-m%C3%BCller", "jürgen-müller"),
        ("j%25C3%25BCrgen-m%25C3%25BCller", "jürgen-müller"),
        ("JÜRGEN-MÜLLER", "jürgen-müller"),
        ("ju\u0308rgen-mu\u0308ller", "jürgen-müller"),
        ("Straße", "straße"),
        ("STRASSE", "strasse"),
        ("王小明", "王小明"),
        ("https://www.linkedin.com/in/%F0%9F%9A%80rocket", "🚀rocket"),
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("john.doe_1", "john.doe_1"),
        ("o'neil", "o'neil"),
        ("100%-john", "100%-john"),
        ("a", "a"),
        ("12345", "12345"),
        ("in", "in"),
        ("nil", "nil"),
        ("acoaaa-smith", "acoaaa-smith"),
        ("https://www.linkedin.com/in/jos&#233;-garc&iacute;a", "josé-garcía"),
        ("jos&amp;#xE9;", "josé"),
        ("👩\u200d💻-dev", "👩\u200d💻-dev"),
        ("علی\u200c\u200bرضا", "علی\u200cرضا"),
        ("a" * MAX_IDENTIFIER, "a" * MAX_IDENTIFIER),
    ],
)
def test_in_doubt_a_name_is_let_through(pasted: str, key: str) -> None:
    assert public_identifier(pasted) == key


@pytest.mark.parametrize(
    "pasted",
    [
        "ACoAABcD_e-F1",
        "https://www.linkedin.com/in/ACoAABcD_e-F1/",
        "linkedin.com/in/ACoAABcD_e-F1?miniProfileUrn=urn%3Ali",
        "“ACoAABcD_e-F1”",
        "urn:li:fsd_profile:ACoAABcD_e-F1",
    ],
)
def test_linkedins_own_ids_keep_their_case(pasted: str) -> None:
    assert public_identifier(pasted) == "ACoAABcD_e-F1"
    assert public_identifier(pasted.replace("ACo", "ACw")) == "ACwAABcD_e-F1"


def test_two_own_ids_that_differ_in_case_are_two_people() -> None:
    assert public_identifier("ACoAAabc") != public_identifier("ACoAAABC")


@pytest.mark.parametrize(
    ("pasted", "reason"),
    [
        ("", "empty"),
        (" \t\u200b", "empty"),
        ('""', "empty"),
        ("@", "empty"),
        ("-", "only punctuation"),
        ("n/a", "nothing"),
        ("#N/A", "nothing"),
        ("N/A.", "nothing"),
        ("#REF!", "nothing"),
        ("#NAME?", "nothing"),
        ("\\N", "nothing"),
        ("null", "nothing"),
        ("'NULL'", "nothing"),
        ("None", "nothing"),
        ("NaN", "nothing"),
        ("(undefined)", "nothing"),
        ("https://www.linkedin.com/in/null", "nothing"),
        ("https://www.linkedin.com/in/N/A", "nothing"),
        ("me", "signed in"),
        ("https://www.linkedin.com/in/ME/", "signed in"),
        ("https:", "the beginning of a link"),
        ("jane-do...", "cut off"),
        ('"jane-do…"', "cut off"),
        ("jane-do...).", "cut off"),
        ("…jane-doe", "cut off"),
        ("jane…smith", "cut off"),
        ("jane-do. . .", "cut off"),
        ("jane-do&hellip;", "cut off"),
        ("https://www.linkedin.com/in/jane-do...", "cut off"),
        ("https://www.linkedin.com/in/jane-do%E2%80%A6", "cut off"),
        ("https://www.linkedin.com/in/jane-do%2E%2E%2E", "cut off"),
        ("https://www.linkedin.com/in/jane-do.../", "cut off"),
        ("https://www.linkedin.com/in/jane-doe?trk=a...", "cut off"),
        ("{{username}}", "placeholder"),
        ("{{ first_name }}", "placeholder"),
        ("{name}", "placeholder"),
        ("%NAME%", "placeholder"),
        ("[name]", "placeholder"),
        ("[[john-doe]]", "placeholder"),
        ('"<name>".', "placeholder"),
        ("<name/>", "placeholder"),
        ("&lt;name&gt;", "placeholder"),
        ("${name}", "placeholder"),
        ("#{name}", "placeholder"),
        ("$name", "placeholder"),
        ("{{name", "placeholder"),
        ("name}}", "placeholder"),
        ("https://www.linkedin.com/in/{{username}}", "placeholder"),
        ("https://www.linkedin.com/in/%7B%7Busername%7D%7D/", "placeholder"),
        ("https://www.linkedin.com/in/<name>", "placeholder"),
        ("<https://www.linkedin.com/in/[name]>", "placeholder"),
        ("https://www.linkedin.com/in/%FIRST%-%LAST%", "placeholder"),
        ("https://www.linkedin.com/in/john-{last_name}", "placeholder"),
        ("https://www.linkedin.com/in/:username", "placeholder"),
        ("john&jane", "'&' stands in it"),
        ("john(doe)x", "'(' stands in it"),
        ("jos\ufffd", "stands in it"),
        ("https://www.linkedin.com/in/jos&eacute-x", "broken HTML entity"),
        ("https://www.linkedin.com/in/jos&#233-x", "broken HTML entity"),
        ("https://www.linkedin.com/in/jos&nonsense;-x", "broken HTML entity"),
        ("https://www.linkedin.com/in/jos%26eacute%3B", "'&' stands in it"),
        ("https://www.linkedin.com/in/jos\\u00e9", "an escape of a program"),
        ("acoaaa" + "b" * 30, "the wrong case"),
        ("https://www.linkedin.com/in/ACOAAA" + "B" * 30, "the wrong case"),
        ("https://www.linkedin.com/in/a-a https://www.linkedin.com/in/b-b", "more than one person"),
        ("https://www.linkedin.com/in/a-ahttps://www.linkedin.com/in/b-b", "more than one person"),
        ("https://www.linkedin.com/in/a-a?x=1https://www.linkedin.com/in/b-b", "more than one person"),
        ("https://www.linkedin.com/in/a-a/https://www.linkedin.com/in/b-b", "more than one person"),
        ("linkedin.com/in/a-a;linkedin.com/in/b-b", "more than one person"),
        ("linkedin.com/in/a-alinkedin.com/in/b-b", "more than one person"),
        ("linkedin.com/in/a-a/in/b-b", "more than one person"),
        (None, "nothing (None)"),
        (b"john-doe", "bytes"),
        (42, "a number"),
        (float("nan"), "an empty cell"),
        (True, "a truth value"),
        (["john-doe"], "type list"),
        ("https://www.linkedin.com/company/acme/", "a company page"),
        ("linkedin.com/showcase/acme", "a company page"),
        ("https://www.linkedin.com/school/mit/", "a school page"),
        ("https://www.linkedin.com/sales/lead/ACwAAAbc,NAME_SEARCH,x1", "Sales Navigator"),
        ("https://www.linkedin.com/sales/people/ACwAAAbc,NAME_SEARCH,x1", "Sales Navigator"),
        ("https://www.linkedin.com/talent/profile/AEMAA", "Recruiter"),
        ("https://www.linkedin.com/jobs/view/123/", "a job link"),
        ("https://www.linkedin.com/posts/john-doe_hello-activity-1-x", "a post link"),
        ("https://www.linkedin.com/feed/update/urn:li:activity:1/", "a post link"),
        ("https://www.linkedin.com/authwall?sessionRedirect=x", "sign-in page"),
        ("https://www.linkedin.com/profile/view?id=1", "names nobody"),
        ("company/acme", "a company page"),
        ("linkedin.com/legal/terms", "a LinkedIn page of another kind"),
        ("https://www.linkedin.com/", "home page"),
        ("www.linkedin.com", "home page"),
        ("linkedin.com?trk=x", "home page"),
        ("https://www.linkedin.com/in/", "without a name"),
        ("linkedin.com/in/?trk=x", "without a name"),
        ("in/", "without a name"),
        ("linkedin.com/in/%20", "empty"),
        ("linkedin.com/in/..", "without a name"),
        ("linkedin.com/in/%2e%2e", "empty"),
        ("https://www.linkedin.com/pub/john-doe/1/2b/3c4", "old public profile"),
        ("https://www.linkedin.com/pub/dir/John/Doe", "old public profile"),
        ("linkedin://profile?id=12", "names nobody"),
        ("urn:li:member:12345", "names nobody"),
        ("https://lnkd.in/abc", "a short link"),
        ("lnkd.in/abc", "a short link"),
        ("https://linkedin.com.evil.com/in/john", "another site"),
        ("https://notlinkedin.com/in/john", "another site"),
        ("evil.com/in/john", "another site"),
        ("https://evil.com/linkedin.com/in/john", "another site"),
        ("https://linkedin.com@evil.com/in/john", "another site"),
        ("https://evil.com\\@linkedin.com/in/john", "another site"),
        ("https://evil.com?x=linkedin.com/in/john", "another site"),
        ("https://evil.com#@linkedin.com/in/john", "another site"),
        ("https://john-doe", "another site"),
        ("john@doe.com", "an e-mail address"),
        ("mailto:john@doe.com", "an e-mail address"),
        ("John Doe <john@doe.com>", "an e-mail address"),
        ("john%40doe.com", "an e-mail address"),
        ("john@linkedin.com", "an e-mail address"),
        ("john doe", "whitespace"),
        ("john\u00a0doe", "whitespace"),
        ("john%0Adoe", "whitespace"),
        ("John https://www.linkedin.com/in/john", "more than one thing"),
        ("a\x00b", "control character"),
        ("a%00b", "control character"),
        ("a\x9fb", "control character"),
        ("john/doe", "slash"),
        ("john%2Fdoe", "slash"),
        ("linkedin.com/in/john%2Fdoe", "slash"),
        ("john%5Cdoe", "slash"),
        ("john-doe,jane-smith", "one identifier a cell"),
        ("ACwAAAbc,NAME_SEARCH,x1", "one identifier a cell"),
        ("john-doe;jane-smith", "one identifier a cell"),
        ("john%3Fdoe", "? or #"),
        ("a" * (MAX_IDENTIFIER + 1), "too long: 101"),
        ("İ" * 60, "too long: 120"),
        ("x" * 5000, "too long: 5000"),
        ("linkedin.com/in/" + "%25" * 1300, "too long: 1300"),
        ("%25" + "25" * 9 + "41", "percent-encoded over and over"),
        ("j%FCrgen", "percent-encoding is not UTF-8"),
        ("%ED%A0%80", "percent-encoding is not UTF-8"),
        ("john\ud800", "not proper Unicode"),
    ],
)
def test_what_is_no_person_is_named(pasted: object, reason: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        public_identifier(pasted)
    assert reason in str(caught.value)


NOISE = st.text(")]>!?:;,*\"'”»`. ", max_size=4).filter(lambda noise: "..." not in noise.replace(" ", ""))
PLAIN = st.from_regex(r"[a-z]{3,8}(-[a-z0-9]{3,8}){1,2}", fullmatch=True)
PROFILE = st.sampled_from(["", "https://www.linkedin.com/in/", "linkedin.com/in/", "http://de.linkedin.com/in/"])


@given(PROFILE, PLAIN, st.sampled_from(["", "/", "?trk=x", "&trk=x", "/en?x=1"]), NOISE)
def test_punctuation_behind_it_is_taken_off(before: str, name: str, after: str, noise: str) -> None:
    pasted = before + name + (after if before else "") + noise
    assert public_identifier(pasted) == name
    assert public_identifier(f"({pasted})") == name


@given(PROFILE, PLAIN, NOISE, st.sampled_from(["...", "…", ". . .", "....", "%E2%80%A6", "&hellip;", "&#8230;", "⋯"]))
def test_what_was_cut_off_is_never_sent(before: str, name: str, noise: str, cut: str) -> None:
    for pasted in (before + name + cut + noise, before + cut + name, f"{before}{name}{cut}/" if before else name + cut):
        with pytest.raises(InvalidInputError):
            public_identifier(pasted)


@given(
    PROFILE,
    st.from_regex(r"[A-Za-z_. ]{2,12}", fullmatch=True).filter(lambda word: word.strip(" .")),
    st.sampled_from(
        ["{{%s}}", "{%s}", "%%%s%%", "[%s]", "<%s>", "${%s}", "#{%s}", "{{ %s }}", "<%%= %s %%>", "[[%s]]"]
    ),
    NOISE,
)
@example(before="", word="A.", form="%%%s%%", noise="")
def test_a_placeholder_is_never_sent(before: str, word: str, form: str, noise: str) -> None:
    for pasted in (before + form % word + noise, before + quote(form % word), before + "john-" + form % word):
        with pytest.raises(InvalidInputError):
            public_identifier(pasted)


@given(PLAIN, PLAIN, st.sampled_from(["", " ", "\n", "/", ", ", ";", " | ", "?x=1", "?x=1 "]))
@example("aaa-0000-0000", "aaa-0000-000", "")
@example("john-doe-", "john-doe", "")
def test_two_links_are_one_person_or_none(first: str, second: str, between: str) -> None:
    link = "https://www.linkedin.com/in/"
    assert public_identifier(link + first + between + link + first) == first
    if first != second:
        with pytest.raises(InvalidInputError):
            public_identifier(link + first + between + link + second)


@given(
    PROFILE,
    PLAIN,
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("\u200b\ufeff\u00ad\u2060\u200e\u202b\u2069"))),
)
def test_what_cannot_be_seen_changes_nothing(before: str, name: str, unseen: list[tuple[int, str]]) -> None:
    letters = list(before + name)
    for place, letter in unseen:
        letters.insert(place, letter)
    assert public_identifier("".join(letters)) == name


@given(st.text(st.characters(categories=["L", "N"], max_codepoint=0x2FF), min_size=1, max_size=9))
def test_an_entity_is_the_letter_that_it_stands_for(name: str) -> None:
    plain = f"x{name}x"
    for pasted in ("".join(f"&#{ord(letter)};" for letter in plain), "".join(f"&amp;#x{ord(c):X};" for c in plain)):
        assert public_identifier(pasted) == public_identifier(plain)
        assert public_identifier(f"https://www.linkedin.com/in/{pasted}&trk=x") == public_identifier(plain)


#: Names as people have them, in several scripts, with what LinkedIn adds and what people add.
FIRST, LAST = map(
    str.split,
    (
        "Jane John María José Jürgen Zoë Łukasz Ñusta Søren Åsa Chloé Ana-Lucía Nguyễn Đặng Ömer Şule İpek Χρήστος"
        " Елена Олександр 小明 さくら 지민 علی דוד प्रिया Seán D'Arcy O’Brien Nan-Xi Nulle Menon Nonese Undine Mel 🚀",
        "Doe Smith Müller García Nowak Ångström Þórsson Đorđević Öztürk Παπαδόπουλος Иванова Шевченко 王 田中 김"
        " رضایی כהן शर्मा McDonald van-der-Berg Núñez-Lara Null Nullman None Nanda Me Meyer In Na",
    ),
)
ADDED = ["", "", "-12345678", "-a1b2c3d4", "-7", "-phd", "_x", "🎉", "-👩\u200d💻", "-mba-2", "."]


def test_no_name_of_ten_thousand_is_lost() -> None:
    names = [
        form.format(first, last) + added
        for form in ("{}-{}", "{1}{0}")
        for first in FIRST
        for last in LAST
        for added in ADDED
    ]
    assert len(names) >= 10_000
    for name in names:
        key = public_identifier(name)
        assert key == normalize("NFC", name.lower()).rstrip(".")
        assert public_identifier(f"https://www.linkedin.com/in/{quote(name)}/?trk=x") == key


def test_no_name_of_any_script_is_lost() -> None:
    scripts: dict[str, list[str]] = {}
    for letter in map(chr, range(sys.maxunicode + 1)):
        # a letter by itself and small: what else folding does is tested below
        if category(letter) in {"Ll", "Lo"} and normalize("NFC", letter.lower()) == letter:
            scripts.setdefault(name_of(letter, "UNNAMED").split()[0], []).append(letter)
    assert len(scripts) > 100
    for letters in scripts.values():
        for at in range(0, min(len(letters), 300), 5):
            first = "".join(letters[at : at + 3]) or letters[0]
            for person in (f"{first}-{letters[-1]}a{letters[0]}", f"{first}-1a2b3c", f"{first}{letters[-1]}"):
                key = normalize("NFC", person)
                assert public_identifier(person) == key
                assert public_identifier(f"https://www.linkedin.com/in/{quote(person)}/") == key


LINKS = "https:// http: linkedin: linkedin.com www.linkedin.com /in/ / \\ pub/ john-doe ACoAA urn:li:fsd_profile:"
SIGNS = '%20 %25 %2F % C3 %C3%BC %22 ? # @ " “ < > . , & Σ İ ß \u212a \u212b ᾳ ι \ufeff \u200d \u0345 \u0301 \u0338'
SIGNS += " ( ) [ ] { } {{ }} $ * ! : ; … ... &amp; &#233; in me null \u200b \u00ad \ufe0f 🚀"
FRAGMENTS = st.sampled_from([*LINKS.split(), *SIGNS.split()])
PASTED = st.one_of(st.text(max_size=30), st.lists(st.one_of(FRAGMENTS, st.text(max_size=2)), max_size=8).map("".join))


@settings(max_examples=500, deadline=None)
@given(PASTED)
@example("pub/")
@example("\u1fef")
@example("%20$x")
@example("%25x%25")
@example("pub/.$x>")
def test_a_key_is_its_own_key_in_every_wrapping(pasted: str) -> None:
    try:
        key = public_identifier(pasted)
    except InvalidInputError:
        return
    assert 1 <= len(key) <= MAX_IDENTIFIER
    assert public_identifier(key) == key
    assert public_identifier(f"“{pasted}” ") == key
    assert public_identifier("https://www.linkedin.com/in/" + quote(key, safe="")) == key
    assert public_identifier(quote(quote(key, safe=""))) == key


def test_folding_is_stable_for_every_character_that_folding_or_composing_changes() -> None:
    for letter in map(chr, range(sys.maxunicode + 1)):
        if letter.lower() == letter == normalize("NFC", letter) and not combining(letter):
            continue
        for pasted in (f"a{letter}b", f"{letter}\u0345\u0301"):
            try:
                key = public_identifier(pasted)
            except InvalidInputError:
                continue
            assert public_identifier(key) == key


def test_no_whitespace_and_no_control_character_is_ever_part_of_a_key() -> None:
    for letter in map(chr, range(sys.maxunicode + 1)):
        if letter.isspace() or letter < " " or "\x7f" <= letter < "\xa0":
            with pytest.raises(InvalidInputError):
                public_identifier(f"a{letter}b")
        if letter.isspace():
            assert public_identifier(f"{letter}ab{letter}") == "ab"


@pytest.mark.parametrize("text", ["camp-1", "a", "0f8fad5b-d9cb-469f-a165-70867728950e", "a.b_c~d:e@f=", "x" * 200])
def test_a_plain_id_is_returned_as_it_is(text: str) -> None:
    assert path_id("campaign id", text) == text
    assert quote(text, safe="._~:@=-") == text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        (".", "is '.'"),
        ("..", "is '..'"),
        ("a/b", "holds '/'"),
        ("a\\b", "holds '\\\\'"),
        ("a%2Fb", "holds '%'"),
        ("a b", "holds whitespace"),
        ("a\n", "holds whitespace"),
        ("a\x00", "holds a control character"),
        ("a?b", "holds '?'"),
        ("a#b", "holds '#'"),
        ("a&b", "holds '&'"),
        ("a+b", "holds '+'"),
        ("ä", "holds 'ä'"),
        ("\ud800", "holds a control character"),
        ("x" * 201, "too long"),
        (None, "is nothing (None)"),
        (7, "is a number"),
        (b"camp", "is bytes"),
    ],
)
def test_an_id_that_would_change_a_path_is_refused_by_its_name(text: object, fault: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        path_id("campaign id", text)
    assert str(caught.value).startswith("the campaign id ")
    assert fault in str(caught.value)


class Record:
    def __init__(self, id: object) -> None:
        self.id = id


def test_a_record_id_is_given_as_text_or_as_the_record() -> None:
    assert record_id("record-id-1") == "record-id-1"
    assert record_id(" record+id|1 \n") == "record+id|1"
    assert record_id(Record("record-id-1")) == "record-id-1"


@pytest.mark.parametrize("item", ["https://www.linkedin.com/in/john-doe", "jürgen-müller", "john doe", "", "x" * 201])
def test_a_person_in_place_of_a_record_id_is_pointed_to_the_right_call(item: str) -> None:
    with pytest.raises(InvalidInputError, match="unblock_identifiers"):
        record_id(item)


@pytest.mark.parametrize("item", [None, 5, b"record-id-1", Record(None), Record(5)])
def test_what_has_no_id_is_no_record(item: object) -> None:
    with pytest.raises(InvalidInputError, match="is not a record id"):
        record_id(item)
