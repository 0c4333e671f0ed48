"""Faults as values: what goes wrong, on which requests, and when; from Python or from one line of text."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import attrs

from walead_async.testing.errors import BadSetting
from walead_async.testing.messages import Service
from walead_async.testing.moments import ALWAYS, WHEN, Script, When, nearest
from walead_async.testing.vocabulary import KINDS, FaultName, Kind, Option

if TYPE_CHECKING:
    from walead_async.testing.messages import Call

__all__ = ["Fault", "FaultScript"]

TEXT = re.compile(
    rf"""
    (?: (?!\s*:)
      (?P<service>walead\b|phonely\b)?\s*
      (?P<method>[A-Z]+|\*)?\s*
      (?P<path>/[^\s\#%~:]*)?\s*
      {WHEN}
      \s*:\s*
    )?
    (?P<name>[A-Za-z0-9-]+)
    (?:=(?P<value>.*))?
    """,
    re.VERBOSE | re.DOTALL,
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def _name(value: str) -> FaultName:
    try:
        return FaultName(value)
    except ValueError:
        raise nearest("fault", value, list(FaultName)) from None


@attrs.frozen
class Fault:
    """One thing that goes wrong.

    `name` is one of `FaultName`, or its text; `value` what some of them take behind `=`, as text: a status, seconds,
    bytes, records, a field or a URL. `service`, `method` and `path` choose requests, None for any; `path` stands below
    the base URL, and `*` in it stands for anything. `when` says which of the chosen requests, by default all. `str` of
    a fault is the text that `parse` reads. Raises `BadSetting` for what is not known or fits together badly.
    """

    name: FaultName = attrs.field(converter=_name)
    value: str | None = None
    service: Service | None = attrs.field(default=None, kw_only=True)
    method: str | None = attrs.field(default=None, kw_only=True)
    path: str | None = attrs.field(default=None, kw_only=True)
    when: When = attrs.field(default=ALWAYS, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.method is not None and self.method not in METHODS:
            raise BadSetting(f"{self.method!r} is not one of the methods {', '.join(METHODS)}")
        if self.path is not None and not self.path.startswith("/"):
            raise BadSetting(f"a path begins with /, {self.path!r} does not")
        if self.value is not None and self.kind.option is None:
            raise BadSetting(f"the fault {self.name.value!r} takes nothing behind =")
        try:
            _ = self.option
        except BadSetting as error:
            raise BadSetting(f"the fault {self.name.value!r}: {error}") from None

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read a fault from text: `[SERVICE] [METHOD] [PATH] [WHEN]:NAME[=VALUE]`, or the part behind the colon alone.

        WHEN is `#3` (the third), `#3-5`, `#3-`, `%10` (every tenth) or `~0.1` (each with that probability), and behind
        it `x2` (twice at most). Examples: `DELETE#3:apply-then-close`, `GET /v1/blocked-leads ~0.1 x5:status=503/2`,
        `phonely POST:reset`, `slow-body=0.01`. Raises `BadSetting` for anything else.
        """
        match = TEXT.fullmatch(text.strip())
        if not match:
            raise BadSetting(
                f"{text!r} is not a fault: [SERVICE] [METHOD] [PATH] [WHEN]:NAME[=VALUE] is, "
                "such as DELETE#3:apply-then-close"
            )
        try:
            return cls(
                _name(match["name"]),
                match["value"],
                service=Service(match["service"]) if match["service"] else None,
                method=None if match["method"] == "*" else match["method"],
                path=match["path"],
                when=When.found(match),
            )
        except BadSetting as error:
            raise BadSetting(f"{text!r}: {error}") from None

    def __str__(self) -> str:
        parts = [self.service and self.service.value, self.method, self.path, str(self.when)]
        match = " ".join(part for part in parts if part)
        what = self.name.value if self.value is None else f"{self.name.value}={self.value}"
        return f"{match}:{what}" if match else what

    @property
    def kind(self) -> Kind:
        """What it does: `kind.means` says it in words, `kind.takes` what may stand behind its `=`."""
        return KINDS[self.name]

    @property
    def option(self) -> Option:
        """What stood behind its `=`, or the default."""
        read = self.kind.option
        return Option() if read is None else read(self.value)

    def meets(self, call: Call) -> bool:
        """True if this call is one of those it chooses from."""
        return (
            (self.service is None or self.service is call.service)
            and (self.method is None or self.method == call.method)
            and (self.path is None or fnmatchcase(call.path, self.path))
        )


class FaultScript(Script[Fault]):
    """The faults of an emulator. Each counts the requests it could be played on; a request plays the first one due.

    To loop over it gives them in the order of adding, each with `what` (the fault), `seen` (the requests it could have
    been played on) and `fired` (how often it was); `len` is how many there are.
    """

    def add(self, *faults: Fault | str) -> None:
        """Add faults, as values or as text. Raises `BadSetting`; then none is added."""
        for fault in [Fault.parse(fault) if isinstance(fault, str) else fault for fault in faults]:
            self.schedule(fault)

    def choose(self, call: Call) -> Fault | None:
        """The fault to play on this call, if any."""
        due = [scheduled for scheduled in self if scheduled.what.meets(call) and scheduled.due()]
        if not due:
            return None
        due[0].fired += 1
        return due[0].what
