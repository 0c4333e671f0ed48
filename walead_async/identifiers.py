"""LinkedIn identifiers and plain ids: what people paste -> what the API takes, or why it cannot be one."""

from __future__ import annotations

import re
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING
from unicodedata import category, normalize
from urllib.parse import unquote

from walead_async.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["kind_of", "path_id", "plain_lines", "public_identifier", "query_id", "record_id", "trimmed"]

#: LinkedIn lets people choose a name of 3 to 100 letters or digits in their profile's address; the names it makes up
#: and its own ids (about 39 to 70 characters) are shorter.
MAX_IDENTIFIER = 100
#: A profile link with all its tracking parameters stays far below this. Longer text is not looked at at all.
MAX_PASTED = 4096
#: Links that pass through redirects are percent-encoded two or three times.
MAX_ENCODINGS = 8
#: The services name no limit for their ids; a UUID has 36 characters.
MAX_ID = 200

_COPY_ID = "copy the {} from the dashboard, and nothing around it"
ADVICE = "paste the link of the person's profile (linkedin.com/in/...) or the name at its end"

#: What nearly every row of a file is: a lower-case name, bare or in a plain profile link. It is its own key.
_COMMON = re.compile(
    r"(https?://(?:[a-z]{2,3}\.)?linkedin\.com/in/)?((?!ac[ow]aa|[0-9_-]+/?$)[a-z0-9][a-z0-9_-]{0,99})(?(1)/?)"
).fullmatch
#: The same with capitals and what follows a link.
_ANY_CASE = re.compile(
    r"((?:https?://)?(?:[a-z]{2,3}\.)?linkedin\.com/in/)?((?!ac[ow]aa|[0-9_-]+(?:[/?]|$))[a-z0-9][a-z0-9_-]{0,99})"
    r"(?(1)/?(?:\?[\w=%+-]*)?)",
    re.IGNORECASE | re.ASCII,
).fullmatch
#: The same for a whole batch, a name a line; a hundredth of the time of looking at each.
_ALL_COMMON = re.compile(
    r"(?![0-9_-]+$)[a-z0-9][a-z0-9_-]{0,99}(?:\n(?![0-9_-]+$)[a-z0-9][a-z0-9_-]{0,99})*", re.MULTILINE
).fullmatch
_OWN_ID = re.compile(r"AC[ow]AA").match
_URN = re.compile(r"urn:li:\w+:(AC[ow]AA[\w-]+)", re.ASCII).fullmatch
_EMAIL = re.compile(r"[^\s@]@[^\s@]+\.[^\s@.]").search
_SCHEMES = re.compile(r"(?:(?:[a-z][a-z0-9+.-]*:)?//+|https?:/*)+", re.IGNORECASE).match
_APP_LINK = re.compile(r"linkedin:/*(?:in|profile)/+(?=[^?#])", re.IGNORECASE).match
_LINKEDIN = re.compile(r"(?:[a-z0-9_-]+\.)*linkedin\.(?:com|cn)").fullmatch
_SHORT_LINK = re.compile(r"(?:www\.)?lnkd\.in").fullmatch
_PLAIN_ID = re.compile(r"[A-Za-z0-9._~:@=-]+").fullmatch
#: A record's id travels in JSON, where it needs no quoting.
_RECORD_ID = re.compile(r"[A-Za-z0-9._~:@=|+-]+").fullmatch

#: Parts of a path that may stand before /in/: LinkedIn's mobile site, and the links in its mails.
_BEFORE_PERSON = frozenset({"mwlite", "comm", "m"})
_OTHER_PAGES = {
    "company": "a company page",
    "company-beta": "a company page",
    "showcase": "a company page",
    "school": "a school page",
    "edu": "a school page",
    "sales": "a Sales Navigator link",
    "talent": "a LinkedIn Recruiter link",
    "recruiter": "a LinkedIn Recruiter link",
    "job": "a job link",
    "jobs": "a job link",
    "posts": "a post link",
    "feed": "a post link",
    "pulse": "an article link",
    "newsletters": "a newsletter link",
    "groups": "a group link",
    "events": "an event link",
    "learning": "a LinkedIn Learning link",
    "search": "a search link",
    "messaging": "a link to a conversation",
    "authwall": "LinkedIn's sign-in page",
    "login": "LinkedIn's sign-in page",
    "uas": "LinkedIn's sign-in page",
    "checkpoint": "LinkedIn's sign-in page",
    "profile": "a link of LinkedIn's old kind that names nobody",
}

#: What no name is, though it looks like one, and what it is. First what programs and people write for nothing (but not
#: nil or nat, which are names); LinkedIn's own words; the examples of forms; heads and feet of columns.
_NOBODY = (
    dict.fromkeys(("null", "none", "nan", "na", "n.a", "undefined", "true", "false", "unknown", "tbd"), "")
    | dict.fromkeys(("not-found", "not_found", "notfound", "null-null", "none-none", "no-linkedin"), "")
    | {"me": "LinkedIn's word for whoever is signed in", "http": "the beginning of a link"}
    | {"https": "the beginning of a link"}
    | dict.fromkeys(("unavailable", "linkedin-member"), "LinkedIn's word for somebody whom it does not show")
    | dict.fromkeys(("username", "yourname", "your-name", "firstname-lastname"), "the example of a form")
    | dict.fromkeys(("linkedin", "public_identifier", "publicidentifier", "linkedin_url"), "the heading of a column")
    | dict.fromkeys(("linkedinurl", "linkedin_profile", "profile_url", "profileurl"), "the heading of a column")
    | dict.fromkeys(("total", "subtotal", "grand-total"), "the foot of a column")
)
#: What programs and spreadsheets write for nothing that does not look like a name.
_NOTHING = re.compile(
    r"n/a|\\n|#(?:n/?a|ref|value|name|div/0|num|null|spill|calc|error|field|blocked|getting_data)"
).fullmatch

_QUOTES = "\"'`´\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u00ab\u00bb\u2039\u203a\uff02\uff07"
#: Characters that show nothing. They come with a text that was copied, and are no part of any name.
_INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
    "\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\ufeff\ufff9\ufffa\ufffb"
)
_without_invisible = partial(re.compile(f"[{_INVISIBLE}]").sub, "")
#: The joiners show nothing either, but inside a name they join the letters of some scripts, and the parts of an emoji.
_UNSEEN = _INVISIBLE + "\u200c\u200d"
_SPACES = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
#: What stands around a name in the text that it was copied from: marks of any script, an @, the bullet of a list.
_AROUND = _SPACES + _UNSEEN + _QUOTES + "@,;:.!?*" + "¡¿\u00b7\u2022\u2023\u2043、。，．：；！？＊｡､،؛؟"
_BRACKETS = {"(": ")", "[": "]", "{": "}", "<": ">", "（": "）", "［": "］", "｛": "｝", "＜": "＞"} | {
    "【": "】",
    "〔": "〕",
    "「": "」",
    "『": "』",
    "《": "》",
    "〈": "〉",
    "⟨": "⟩",
}
_CLOSING = {closing: opening for opening, closing in _BRACKETS.items()}
#: In these a template writes the name of what goes there; the others are punctuation.
_OF_TEMPLATES = frozenset("[{<［｛＜⟨")
_IN_NO_NAME = re.compile(f"[&:=\ufffd{re.escape(''.join(_BRACKETS) + ''.join(_CLOSING))}]").search
_ELLIPSIS = re.compile(r"\.\s*\.\s*\.|[\u2025\u2026\u22ef\ufe19]").search
_ENTITY = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")
_BROKEN_ENTITY = re.compile(r"&(?:#|([a-zA-Z][a-zA-Z0-9]*)(;)?(?!=|[a-zA-Z0-9]))").finditer
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8})").search
_LINK_LIKE = re.compile(r"linkedin\.|(?:^|[/\\])(?:in|pub)[/\\]|https?:[/\\]|%2fin%2f", re.IGNORECASE).search
#: Where a second link may begin: behind white space or the sign of a list, or at http, unless that is a value.
_NEXT_LINK = re.compile(r"[\s,;|]+|(?<!=)(?=https?:/)", re.IGNORECASE).split
_SCHEME_ALONE = re.compile(r"https?:/*", re.IGNORECASE).fullmatch
#: A template's variable in a name: before it is percent-decoded, and after.
_UNFILLED = re.compile(r"[$:].*|%.*\w.*%|.*\{.*\}.*", re.DOTALL).fullmatch
_UNFILLED_DECODED = re.compile(r"%[^%]*\w[^%]*%|\{\{|\}\}|^__\w+__$").search
_UNDEFINED = re.compile(r"(?:^|[-_.])undefined(?:$|[-_.])").search
#: What is no name though a link may end in it: a date, a phone number, a count below the shortest name, a website.
_DATE = re.compile(r"[12]\d{3}([-._])\d{1,2}\1\d{1,2}|\d{1,2}([-._])\d{1,2}\2(?:[12]\d)?\d{2}").fullmatch
_NUMBER = re.compile(r"\+[0-9.-]{7,}").fullmatch
_COUNT = re.compile(r"\d{1,2}").fullmatch
_WEBSITE = re.compile(r"www\..+|.+\.(?:com|org|net)").fullmatch
_OWN_ID_IN_ANY_CASE = re.compile(r"ac[ow]aa", re.IGNORECASE).match
#: From this length on nobody chose a name that begins like one of LinkedIn's own ids.
OWN_ID_LENGTH = 30

_EMPTY = "empty: only punctuation stands here"


def public_identifier(text: object) -> str:
    """Turn what people paste into the key that the API takes and compares by.

    Takes a public identifier, LinkedIn's own id (`ACoAA...`) or any link to a profile, as they come out of browsers,
    mails and spreadsheets. What is certainly noise around it is taken off. The key is percent-decoded, normalised to
    NFC and in lower case; LinkedIn's own ids keep their case. Two spellings of one person give one key, and a key is
    its own key.

    Raises `InvalidInputError` with the reason if it cannot be a person, or if a part of it is not known. In doubt it
    is let through: the server knows.
    """
    if type(text) is str and (common := _COMMON(text) or _ANY_CASE(text)) is not None:
        name = common[2].lower()
        if name not in _NOBODY and "undefined" not in name:
            return name
    elif type(text) is str and len(text) < OWN_ID_LENGTH and _is_plain_word(text):
        # letters and digits of any script; composing and folding may need each other's work
        return _folded(text)
    pasted = trimmed(text)
    if "\ufeff" in pasted and pasted.rpartition("\ufeff")[2].lower() in _NOBODY:
        raise InvalidInputError("two files were joined here, and the first had no line end: put one between them")
    pasted = _without_invisible(pasted)
    if "&" in pasted:
        pasted = _without_entities(pasted)
    if "/" not in pasted and "\\" not in pasted and "%2f" in pasted.lower():
        pasted = _decoded(pasted)
    _refuse_cut(pasted)
    pasted = _without_around(pasted)
    if _NOTHING(pasted.lower()):
        raise _nobody(pasted)
    if "#{" in pasted:
        raise _template()
    if _ESCAPE(pasted):
        raise InvalidInputError(f"an escape of a program stands in it (such as \\u00e9), not the letter: {ADVICE}")
    if _LINK_LIKE(pasted) is None:
        return _key(_name_in_link(pasted.replace("\\", "/")))
    links = _links(pasted)
    keys = {_key(_name_in_link(link.replace("\\", "/"))) for link in links}
    if len(keys) > 1:
        raise InvalidInputError("links to more than one person: give each a row of its own")
    return keys.pop()


def plain_lines(items: Sequence[object]) -> str | None:
    """These items, a line each, if every one is a lower-case name that is its own key; None if one is not."""
    try:
        lines = "\n".join(items)  # type: ignore[arg-type]  # what is not text raises, which is the answer
    except TypeError:
        return None
    if lines.count("\n") != len(items) - 1 or _ALL_COMMON(lines) is None:
        return None
    # LinkedIn's own ids have capitals, so these may be some that lost them
    if not _NOBODY.keys().isdisjoint(items) or "acoaa" in lines or "acwaa" in lines or "undefined" in lines:
        return None
    return lines


def path_id(kind: str, text: object) -> str:
    """Check an id that becomes part of a path, and return it as it is, as plain text.

    `kind` names it in the error ("campaign id"). It may hold ASCII letters, digits and `. _ ~ : @ = -`, at most 200
    of them: what needs no quoting there. Raises `InvalidInputError`.
    """
    plain = _checked_id(kind, text, _PLAIN_ID)
    if plain in {".", ".."}:
        raise InvalidInputError(f"the {kind} is {plain!r}: {_COPY_ID.format(kind)}")
    return plain


def query_id(kind: str, text: object) -> str:
    """Check an id that is quoted in a query or stands in JSON, and return it as it is, as plain text.

    Any visible characters will do, at most 200 of them; white space came with the copying. Raises `InvalidInputError`.
    """
    return _checked_id(kind, text, _visible)


def _checked_id(kind: str, text: object, allowed: Callable[[str], object]) -> str:
    if not isinstance(text, str):
        raise InvalidInputError(f"the {kind} is {kind_of(text)}, not text: copy the {kind} from the dashboard")
    if len(text) > MAX_ID or not allowed(text):
        raise InvalidInputError(f"the {kind} {_fault_of_id(text, allowed)}: {_COPY_ID.format(kind)}")
    # an enum's member, say, is text with a value and prints as its name
    return str.__str__(text)


def _visible(text: str) -> bool:
    return bool(text) and text.isprintable() and not any(map(str.isspace, text))


def record_id(item: object) -> str:
    """The id of a blocked record: given as text, or as the record itself (anything with an `id`).

    Raises `InvalidInputError`; a person's identifier in its place is pointed to `unblock_identifiers`.
    """
    text = item if isinstance(item, str) else getattr(item, "id", None)
    if not isinstance(text, str):
        raise InvalidInputError(
            f"{kind_of(item)} is not a record id: give the `id` of a blocked lead, or the lead itself"
        )
    plain = text.strip(_SPACES + _UNSEEN)
    if len(plain) > MAX_ID or _RECORD_ID(plain) is None:
        advice = "give the `id` of a blocked lead; to unblock a person by name or link, use unblock_identifiers"
        raise InvalidInputError(f"the record id {_fault_of_id(plain, _RECORD_ID)}: {advice}")
    return plain


def trimmed(text: object) -> str:
    """The pasted text in NFC, without the spaces and unseen characters around it. Raises `InvalidInputError`."""
    if not isinstance(text, str):
        raise InvalidInputError(f"{kind_of(text)} is not text: give a str")
    if len(text) > MAX_PASTED:
        raise InvalidInputError(f"too long: {len(text)} characters in one cell")
    _refuse_surrogates(text)
    return normalize("NFC", text).strip(_SPACES + _UNSEEN)


def _without_around(text: str) -> str:
    """Without what stands around an identifier in mails, lists and spreadsheets, brackets included.

    Raises `InvalidInputError` for a word that stands in the brackets of a template.
    """
    while True:
        text = text.strip(_AROUND)
        if text[:1] in _BRACKETS and text[-1:] == _BRACKETS[text[0]]:
            inside = text[1:-1]
            if text[0] in _OF_TEMPLATES and inside.strip(_AROUND) and not _LINK_LIKE(inside) and not _EMAIL(inside):
                raise _template()
            text = inside
        elif text.startswith("{{") or text.endswith("}}"):
            raise _template()
        elif text[-1:] in _BRACKETS or (
            text[-1:] in _CLOSING and text.count(text[-1]) > text.count(_CLOSING[text[-1]])
        ):
            text = text[:-1]
        elif text[:1] in _CLOSING or (text[:1] in _BRACKETS and text.count(text[0]) > text.count(_BRACKETS[text[0]])):
            text = text[1:]
        else:
            return text


def _without_entities(text: str) -> str:
    """With the characters that HTML's entities stand for. Raises `InvalidInputError` where one is broken."""
    from html import unescape
    from html.entities import html5

    for _ in range(MAX_ENCODINGS):
        plain = _ENTITY.sub(lambda entity: unescape(entity[0]), text)
        if plain == text:
            break
        text = plain
    for broken in _BROKEN_ENTITY(text):
        # some names are read by browsers without the semicolon too, whatever follows
        name = broken[1] or ""
        if not name or broken[2] or any(name[:length] in html5 for length in range(2, len(name) + 1)):
            raise InvalidInputError(f"a broken HTML entity stands in it (such as &eacute): {ADVICE}")
    return normalize("NFC", _without_invisible(text))


def _links(text: str) -> list[str]:
    """The links of a cell: nearly always one."""
    once, between = text[: len(text) // 2], text[len(text) // 2 : (len(text) + 1) // 2]
    if text == once + between + once and not between.strip(" \t\r\n/,;|") and _LINK_LIKE(once):
        text = once
    links = [link for piece in _NEXT_LINK(text) if (link := _without_around(piece)) and not _SCHEME_ALONE(link)]
    if len(links) > 1 and all(_LINK_LIKE(link) for link in links):
        return links
    return [text]


def _refuse_cut(text: str) -> None:
    """Raise `InvalidInputError` for what some program cut to make it fit."""
    if _ELLIPSIS(text) is None:
        return
    end = text[len(text.rstrip(_AROUND + "".join(_CLOSING))) :]
    # elsewhere in a query it is a value
    if _ELLIPSIS(re.split("[?#]", text, maxsplit=1)[0]) or _ELLIPSIS(end):
        raise InvalidInputError(
            "it was cut off (...), so the rest of it is not known: open the profile, and paste its whole link"
        )


def _name_in_link(pasted: str) -> str:
    """The name in a link to a profile, still percent-encoded; or the text itself, if it is no link."""
    if pasted[:9].lower() == "linkedin:":
        return _name_in_app_link(pasted)
    scheme = _SCHEMES(pasted)
    rest = pasted[scheme.end() :] if scheme else pasted
    place = re.split(r"[?#]", rest, maxsplit=1)[0]
    if "/" in place:
        # where ? should stand
        place = place.partition("&")[0]
    first, *parts = place.split("/")
    host = first.rpartition("@")[2].partition(":")[0].rstrip(".").lower()
    if scheme is None and not parts:
        if _LINKEDIN(first.lower()):
            raise _not_a_profile("LinkedIn's home page")
        return place
    if any(map(str.isspace, first)):
        raise InvalidInputError(f"whitespace stands in it, or more than one thing: {ADVICE}")
    if _LINKEDIN(host):
        return _name_in_path([part for part in parts if part])
    if _SHORT_LINK(host):
        raise InvalidInputError("a short link of LinkedIn's: open it, and paste the address of the profile it leads to")
    if scheme is not None or "." in host:
        raise InvalidInputError(f"a link to another site than LinkedIn: {ADVICE}")
    return _name_in_path([part for part in (first, *parts) if part], linkedin=False)


def _name_in_app_link(pasted: str) -> str:
    """The name in a link that opens LinkedIn's app: linkedin://in/john-doe, linkedin://profile/john-doe."""
    before = _APP_LINK(pasted)
    if before is None:
        raise _not_a_profile("a link into LinkedIn's app that names nobody")
    return re.split(r"[/?#&]", pasted[before.end() :], maxsplit=1)[0]


def _name_in_path(parts: list[str], *, linkedin: bool = True) -> str:
    """The name in the path of a profile link. `linkedin` is False where no host says that it is LinkedIn's path."""
    while parts and parts[0].lower() in _BEFORE_PERSON:
        parts = parts[1:]
    page = parts[0].lower() if parts else ""
    if page == "in":
        while [part.lower() for part in parts[1:2]] == ["in"] and len(parts) > 2:
            parts = parts[1:]
        if len(parts) == 1:
            raise InvalidInputError(f"a profile link without a name: {ADVICE}")
        if [part.lower() for part in parts[1:3]] == ["n", "a"]:
            raise _nobody("n/a")
        others = {after for before, after in pairwise(parts[2:]) if before.lower() == "in"}
        if others - {parts[1]}:
            raise InvalidInputError("links to more than one person: give each a row of its own")
        return parts[1]
    if page == "pub" and len(parts) == 2:
        return parts[1]
    if page == "pub":
        raise InvalidInputError("an old public profile link, which names nobody: open it, and paste where it leads to")
    if page in _OTHER_PAGES:
        raise _not_a_profile(_OTHER_PAGES[page])
    if linkedin:
        raise _not_a_profile("a LinkedIn page of another kind" if page else "LinkedIn's home page")
    if len(parts) == 1 and not any(map(str.isspace, parts[0])):
        return parts[0]
    raise InvalidInputError(f"a slash stands in it: {ADVICE}")


def _key(name: str) -> str:
    """The key of a name as it stands in a link: decoded, checked, and folded unless it is LinkedIn's own id."""
    if _UNFILLED(name):
        raise _template()
    name = _decoded(name)
    if _UNFILLED_DECODED(name):
        raise _template()
    _refuse_cut(name)
    name = _without_around(name)
    if _UNFILLED(name):
        raise _template()
    if (urn := _URN(name)) is not None:
        name = urn[1]
    if not _OWN_ID(name):
        if len(name) >= OWN_ID_LENGTH and _OWN_ID_IN_ANY_CASE(name):
            raise InvalidInputError(f"LinkedIn's own id (ACoAA...) in the wrong case, which makes it another: {ADVICE}")
        name = _folded(name)
    _check_name(name)
    return name


def _folded(name: str) -> str:
    # lower() can leave what NFC would compose, and NFC what lower() would change, so both run once more
    return normalize("NFC", normalize("NFC", normalize("NFC", name).lower()).lower())


def _decoded(text: str) -> str:
    """Percent-decode until nothing is left to decode: links are often encoded twice. Then NFC."""
    for _ in range(MAX_ENCODINGS):
        try:
            plain = _without_invisible(unquote(text, errors="strict"))
        except UnicodeDecodeError:
            raise InvalidInputError(f"its percent-encoding is not UTF-8: {ADVICE}") from None
        if plain == text:
            return normalize("NFC", text)
        text = plain
    raise InvalidInputError(f"percent-encoded over and over: {ADVICE}")


def _check_name(name: str) -> None:
    """Raise `InvalidInputError` if this cannot be a person's public identifier."""
    if not name:
        raise InvalidInputError(f"empty: no identifier stands here; {ADVICE}")
    if _EMAIL(name):
        raise _not_a_profile("an e-mail address")
    if any(map(str.isspace, name)):
        raise InvalidInputError(f"whitespace stands in it, like in a person's full name: {ADVICE}")
    if not name.isprintable() and any(category(letter) == "Cc" for letter in name):
        raise InvalidInputError(f"a control character stands in it: {ADVICE}")
    if len(name) > MAX_IDENTIFIER:
        raise InvalidInputError(f"too long: {len(name)} characters, where LinkedIn allows {MAX_IDENTIFIER}")
    if "/" in name or "\\" in name:
        raise InvalidInputError(f"a slash stands in it: {ADVICE}")
    if any(sign in name for sign in ",;|"):
        raise InvalidInputError("a comma, semicolon or bar stands in it, like in a list: give one identifier a cell")
    if "?" in name or "#" in name:
        raise InvalidInputError(f"a ? or # stands in it: {ADVICE}")
    if name.isascii() and not any(map(str.isalnum, name)):
        raise InvalidInputError(f"{_EMPTY}; {ADVICE}")
    if name.lower().startswith(("urn:", "linkedin:", "http:", "https:")) or _LINKEDIN(name.lower()):
        raise _not_a_profile("a LinkedIn address that names nobody")
    if "linkedin.com" in name:
        raise InvalidInputError("links to more than one person: give each a row of its own")
    if (sign := _IN_NO_NAME(name)) is not None:
        raise InvalidInputError(f"{sign[0]!r} stands in it, which no name has: {ADVICE}")
    if name in _NOBODY or _UNDEFINED(name):
        raise _nobody(name)
    if _DATE(name) or _NUMBER(name) or _COUNT(name):
        what = "a date" if _DATE(name) else "a phone number" if _NUMBER(name) else "a count or the number of a row"
        raise _not_a_profile(what)
    if _WEBSITE(name):
        raise _not_a_profile("the address of a website")


def _is_plain_word(text: str) -> bool:
    """Letters and digits of any script with dashes between them, that are no digits alone and no own id."""
    letters = text.replace("-", "")
    return letters.isalnum() and not letters.isdecimal() and not _OWN_ID(text)


def _template() -> InvalidInputError:
    return InvalidInputError(f"a placeholder of a template that was not filled in, not a person: {ADVICE}")


def _nobody(text: str) -> InvalidInputError:
    if what := _NOBODY.get(text):
        return _not_a_profile(what)
    return InvalidInputError(f"{text!r}, which programs write where there is nothing: {ADVICE}")


def _not_a_profile(what: str) -> InvalidInputError:
    return InvalidInputError(f"{what}, not a person's profile: {ADVICE}")


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInputError("not proper Unicode text: read the file with the encoding it was written in") from None


def _fault_of_id(text: str, allowed: Callable[[str], object]) -> str:
    """What is wrong with an id, as the end of a sentence that begins with its kind."""
    if not text:
        return "is empty"
    if len(text) > MAX_ID:
        return f"is too long ({len(text)} characters, where {MAX_ID} are allowed)"
    for letter in text:
        if letter.isspace():
            return "holds whitespace"
        if not allowed(letter):
            return f"holds {letter!r}" if letter.isprintable() else "holds a control character"
    return f"is {text!r}"


def kind_of(value: object) -> str:
    """What was given in place of text, in words that do not print it."""
    if value is None:
        return "nothing (None)"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, (int, float)):
        return "a number" if value == value else "an empty cell (NaN)"
    return "bytes" if isinstance(value, bytes) else f"an object of type {type(value).__name__}"
