"""LinkedIn identifiers and plain ids: what people paste -> what the API takes, or why it cannot be one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import category, normalize
from urllib.parse import unquote

from walead_async.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["is_own_id", "kind_of", "path_id", "plain_lines", "public_identifier", "record_id", "trimmed"]

#: LinkedIn lets people choose a name of 3 to 100 letters or digits in their profile's address; the names it makes up
#: and its own ids (about 39 to 70 characters) are shorter.
MAX_IDENTIFIER = 100
#: A profile link with all its tracking parameters stays far below this. Longer text is not looked at at all.
MAX_PASTED = 4096
#: Links that pass through redirects are percent-encoded two or three times.
MAX_ENCODINGS = 8
#: The services name no limit for their ids; a UUID has 36 characters.
MAX_ID = 200

ADVICE = "paste the link of the person's profile (linkedin.com/in/...) or the name at its end"

#: What nearly every row of a file is: a lower-case name, bare or in a plain profile link. It is its own key.
_COMMON = re.compile(r"(https?://(?:[a-z]{2,3}\.)?linkedin\.com/in/)?([a-z0-9][a-z0-9_-]{0,99})(?(1)/?)").fullmatch
#: The same for a whole batch, a name a line; a hundredth of the time of looking at each.
_ALL_COMMON = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}(?:\n[a-z0-9][a-z0-9_-]{0,99})*").fullmatch
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

_QUOTES = "\"'`´\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u00ab\u00bb\u2039\u203a\uff02\uff07"
_UNSEEN = "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u00ad\u180e\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_SPACES = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_AT_START = _SPACES + _UNSEEN + _QUOTES + "<@,;"
_AT_END = _SPACES + _UNSEEN + _QUOTES + ">@,;."


def public_identifier(text: object) -> str:
    """Turn what people paste into the key that the API takes and compares by.

    Takes a public identifier, LinkedIn's own id (`ACoAA...`) or any link to a profile, as they come out of browsers,
    mails and spreadsheets. The key is percent-decoded, normalised to NFC and in lower case; LinkedIn's own ids keep
    their case. Two spellings of one person give one key, and a key is its own key.

    Raises `InvalidInputError` with the reason if it cannot be a person. In doubt it is let through: the server knows.
    """
    if type(text) is str and (common := _COMMON(text)) is not None:
        return common[2]
    pasted = _trim(trimmed(text))
    if "/" not in pasted and "\\" not in pasted and "%2f" in pasted.lower():
        pasted = _trim(_decoded(pasted))
    name = _name_in_link(pasted.replace("\\", "/"))
    return _key(name)


def plain_lines(items: Sequence[object]) -> str | None:
    """These items, a line each, if every one is a lower-case name that is its own key; None if one is not."""
    try:
        lines = "\n".join(items)  # type: ignore[arg-type]  # what is not text raises, which is the answer
    except TypeError:
        return None
    return lines if lines.count("\n") == len(items) - 1 and _ALL_COMMON(lines) else None


def path_id(kind: str, text: object) -> str:
    """Check an id that becomes part of a path or a query, and return it as it is, as plain text.

    `kind` names it in the error ("campaign id"). It may hold ASCII letters, digits and `. _ ~ : @ = -`, at most 200
    of them: what needs no quoting in either place. Raises `InvalidInputError`.
    """
    if not isinstance(text, str):
        raise InvalidInputError(f"the {kind} is {kind_of(text)}, not text: copy the {kind} from the dashboard")
    if text in {".", ".."} or len(text) > MAX_ID or _PLAIN_ID(text) is None:
        fault = _fault_of_id(text, _PLAIN_ID)
        raise InvalidInputError(f"the {kind} {fault}: copy the {kind} from the dashboard, and nothing around it")
    # an enum's member, say, is text with a value and prints as its name
    return str.__str__(text)


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


def is_own_id(key: str) -> bool:
    """Whether a key is LinkedIn's own id (`ACoAA...`), which has one spelling only, and not a name people chose."""
    return _OWN_ID(key) is not None


def trimmed(text: object) -> str:
    """The pasted text in NFC, without the spaces and unseen characters around it. Raises `InvalidInputError`."""
    if not isinstance(text, str):
        raise InvalidInputError(f"{kind_of(text)} is not text: give a str")
    if len(text) > MAX_PASTED:
        raise InvalidInputError(f"too long: {len(text)} characters in one cell")
    _refuse_surrogates(text)
    return normalize("NFC", text).strip(_SPACES + _UNSEEN)


def _trim(text: str) -> str:
    """Without what stands around an identifier in mails and spreadsheets: quotes, commas, a leading @."""
    return text.lstrip(_AT_START).rstrip(_AT_END)


def _name_in_link(pasted: str) -> str:
    """The name in a link to a profile, still percent-encoded; or the text itself, if it is no link."""
    if pasted[:9].lower() == "linkedin:":
        return _name_in_app_link(pasted)
    scheme = _SCHEMES(pasted)
    rest = pasted[scheme.end() :] if scheme else pasted
    place = re.split(r"[?#]", rest, maxsplit=1)[0]
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
    return re.split(r"[/?#]", pasted[before.end() :], maxsplit=1)[0]


def _name_in_path(parts: list[str], *, linkedin: bool = True) -> str:
    """The name in the path of a profile link. `linkedin` is False where no host says that it is LinkedIn's path."""
    while parts and parts[0].lower() in _BEFORE_PERSON:
        parts = parts[1:]
    page = parts[0].lower() if parts else ""
    if page == "in":
        if len(parts) == 1:
            raise InvalidInputError(f"a profile link without a name: {ADVICE}")
        return parts[1]
    if page == "pub" and len(parts) == 2:
        return parts[1]
    if page == "pub":
        raise InvalidInputError("an old public profile link, which names nobody: open it, and paste where it leads to")
    if page in _OTHER_PAGES:
        raise _not_a_profile(_OTHER_PAGES[page])
    if linkedin:
        raise _not_a_profile("a LinkedIn page of another kind" if page else "LinkedIn's home page")
    if len(parts) == 1:
        return parts[0]
    raise InvalidInputError(f"a slash stands in it: {ADVICE}")


def _key(name: str) -> str:
    """The key of a name as it stands in a link: decoded, checked, and folded unless it is LinkedIn's own id."""
    name = _trim(_decoded(name))
    if (urn := _URN(name)) is not None:
        name = urn[1]
    if not _OWN_ID(name):
        # lower() can leave what NFC would compose, and NFC what lower() would change, so both run once more
        name = normalize("NFC", normalize("NFC", name.lower()).lower())
    _check_name(name)
    return name


def _decoded(text: str) -> str:
    """Percent-decode until nothing is left to decode: links are often encoded twice. Then NFC."""
    for _ in range(MAX_ENCODINGS):
        try:
            plain = unquote(text, errors="strict")
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
        raise InvalidInputError(f"empty: only punctuation stands here; {ADVICE}")
    if name.lower().startswith(("urn:", "linkedin:", "http:", "https:")) or _LINKEDIN(name.lower()):
        raise _not_a_profile("a LinkedIn address that names nobody")


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
