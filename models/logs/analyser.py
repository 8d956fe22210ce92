"""The log analyser: lines in; templates with counts, families of errors and the causal chain out; in bounded memory.

Most lines of a stream differ from one seen before in figures only. Such a line is recognised by its form (each figure as 0) and
merely counted; only a new form is parsed, masked and put into the tree. Trouble is remembered once per template and service.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from models.logs.chain import Event, Link, causal_chain, first_cause
from models.logs.drain import Drain, Group
from models.logs.entities import entities, service
from models.logs.families import families
from models.logs.header import Header, moment, read
from models.logs.masks import mask
from models.logs.severity import Severity, severity
from suture.domain.logs import LogAnalysis, LogEvent, LogTemplate

MAX_LINE = 4000  # characters of a line that are looked at
MAX_TOKENS = 120
MAX_FORMS = 50_000
MAX_EVENTS = 500
TEMPLATES = 100  # in an answer
_FIGURES = re.compile(
    r"\d[0-9a-fA-F.:,-]*"
)  # numbers, clocks, and what is left of identifiers from their first digit on


@dataclass(slots=True, eq=False)
class _Known:
    """A group's gravest line."""

    severity: Severity
    families: tuple[str, ...]
    example: str


@dataclass(slots=True, eq=False)
class _Form:
    """What is known of all lines of one form; `event` only for trouble."""

    group: Group
    severity: Severity
    families: tuple[str, ...]
    event: Event | None


class StreamAnalyser:
    """Takes lines as they come. `year` is assumed where lines do not say it."""

    def __init__(self, drain: Drain | None = None, year: int | None = None) -> None:
        self.lines = 0
        self._drain = drain or Drain()
        self._year = year or datetime.now(UTC).year
        self._forms: dict[str, _Form] = {}
        self._known: dict[int, _Known] = {}
        self._events: dict[tuple[int, str], tuple[Group, Event]] = {}
        self._clock: dict[str, datetime] = {}
        self._families: Counter[str] = Counter()
        self._severities: Counter[Severity] = Counter()

    def feed(self, lines: Iterable[str], source: str = "") -> None:
        """Take lines in; `source` is the service that wrote those which do not say."""
        forms, again, severities = self._forms, self._drain.again, self._severities
        figures, prefix = _FIGURES.sub, source + "\0"
        previous = ""
        for raw in lines:
            line = raw[:MAX_LINE].rstrip()
            if not line:
                continue
            self.lines += 1
            key = prefix + figures("0", line)
            form = forms.get(key)
            if form is None or again(form.group) is None:
                form = self._new(key, line, source, previous)
            elif form.event is not None:
                form.event.count += 1
            severities[form.severity] += 1
            if form.families:
                self._families.update(form.families)
            previous = line

    def analysis(self, templates: int = TEMPLATES) -> LogAnalysis:
        """What is known so far, with the most frequent templates."""
        groups = sorted(self._drain.groups(), key=lambda g: (-g.count, g.id))[:templates]
        chain = self.chain()
        return LogAnalysis(
            lines=self.lines,
            templates=tuple(_template(g, self._known[g.id]) for g in groups),
            families=dict(self._families.most_common()),
            severities={s.name: self._severities[s] for s in reversed(Severity) if self._severities[s]},
            chain=tuple(_event(link) for link in chain),
            first=first_cause(chain),
        )

    def chain(self) -> list[Link]:
        """The causal chain of the trouble seen; what became one template is one event."""
        merged: dict[tuple[int, str], Event] = {}
        for group, event in self._events.values():
            key = (group.current.id, event.service)
            count = event.count + (merged[key].count if key in merged else 0)
            merged[key] = replace(merged.get(key, event), count=count, template=group.current.template)
        return causal_chain(list(merged.values()))

    def _new(self, key: str, line: str, source: str, previous: str) -> _Form:
        header = read(line)
        group = self._drain.add(mask(header.text).split()[:MAX_TOKENS] or [""])
        grave = severity(header.text, header.level)
        kinds = families(header.text) if grave >= Severity.WARNING else ()
        self._remember(group, _Known(grave, kinds, line))
        at = self._moment(header, source, previous)
        event = None
        if grave >= Severity.WARNING:
            event = self._trouble(
                header, group, _Known(grave, kinds, line), service(header.service or source), at
            )
        if len(self._forms) >= MAX_FORMS:
            self._forms.clear()
        form = self._forms[key] = _Form(group, grave, kinds, event)
        return form

    def _moment(self, header: Header, source: str, previous: str) -> datetime | None:
        """When: a line that does not say belongs to the one before it, as those of a stack trace do."""
        said = header.time or (read(previous).time if previous else "")
        at = moment(said, self._year) if said else None
        if at is not None:
            self._clock[source] = at
        return at or self._clock.get(source)

    def _remember(self, group: Group, known: _Known) -> None:
        if group.id not in self._known or known.severity > self._known[group.id].severity:
            self._known[group.id] = known
        if len(self._known) > 2 * self._drain.max_groups:
            alive = {g.id for g in self._drain.groups()}
            self._known = {i: k for i, k in self._known.items() if i in alive}

    def _trouble(
        self, header: Header, group: Group, known: _Known, who: str, at: datetime | None
    ) -> Event | None:
        key = (group.id, who)
        if key in self._events:
            event = self._events[key][1]
            event.count += 1
            return event
        if len(self._events) >= MAX_EVENTS:  # the first ones matter: they came before their consequences
            return None
        event = Event(self.lines, header.text, known.severity, known.families, entities(header.text), who, at)
        self._events[key] = (group, event)
        return event


class Logs:
    """Implements `suture.ports.LogAnalyser`: the logs of one incident, read at once."""

    def analyse(self, logs: Mapping[str, Iterable[str]]) -> LogAnalysis:
        """Lines by the service that wrote them."""
        stream = StreamAnalyser()
        for source, lines in logs.items():
            stream.feed(lines, source)
        return stream.analysis()


def _template(group: Group, known: _Known) -> LogTemplate:
    return LogTemplate(
        template=group.template,
        count=group.count,
        severity=known.severity.name,
        families=known.families,
        example=known.example,
    )


def _event(link: Link) -> LogEvent:
    event = link.event
    named = (
        *event.entities.services,
        *event.entities.addresses,
        *event.entities.paths,
        *event.entities.error_codes,
    )
    return LogEvent(
        text=event.text,
        template=event.template,
        severity=event.severity.name,
        service=event.service,
        at=event.at,
        count=event.count,
        families=event.families,
        names=named,
        cause=link.cause,
        why=link.why,
    )
