"""Proves from the histories alone that the invariants I-1 to I-6 held. It knows nothing of the code under test.

* I-1 a refresh token is presented once; again only when the outcome of each time before was unknown then;
* I-2 the generation never goes down, in the store and in what is saved;
* I-3 a caller never receives a token older than one it received before;
* I-4 after quiescence every record serves, or has a reason that the provider caused;
* I-5 the store's pair is the last pair that the provider issued, or an intent is open;
* I-6 the audit log has one row for each renewal that was saved.

And what goes without a number: reuse was never detected, no acknowledged token is lost, no pair is torn, and
nothing that must be in a history is missing from it: a race that proves nothing is a failure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .history import Event, in_order

PRESENTED = frozenset({"issued", "refused"})
LOGIN_WANTED = frozenset({"login_required", "exit-4"})
GONE = frozenset({"killed", "stopped"})


@dataclass(frozen=True)
class Rules:
    """What counts in a race.

    `strict`: records whose refresh tokens may never be presented twice, whatever happens. `claim_seconds`: after
    which another may take over from a process that is stopped or cut off. `audited`: I-6 is to be checked.
    """

    strict: frozenset[str]
    claim_seconds: float
    audited: bool = False


@dataclass
class Story:
    """The events of one record, by what they are about."""

    record: str
    pairs: list[Event] = field(default_factory=list)
    presentations: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    events: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))

    @property
    def issued_with(self) -> dict[str, str]:
        """For each access token the refresh token it came with."""
        return {pair.access: pair.refresh for pair in self.pairs}


def violations(history: Sequence[Event], rules: Rules) -> list[str]:
    """What did not hold, a line each; empty when all did."""
    events = in_order(history)
    stories = _stories(events)
    if not stories:
        return ["the history tells of no record"]
    kinds = {event.kind for event in events}
    found = [f"the history holds no `{kind}`" for kind in ("got", "settled") if kind not in kinds]
    deeds = [event for event in events if event.kind in GONE | {"resumed"}]
    for story in stories.values():
        found += [f"{story.record}: {fault}" for fault in _faults(story, deeds, rules)]
    return found


def _faults(story: Story, deeds: Sequence[Event], rules: Rules) -> Iterator[str]:
    yield from _missing(story, rules)
    yield from presented_once(story, deeds, rules)
    yield from generations_go_up(story)
    yield from callers_go_forward(story)
    yield from pairs_are_whole(story)
    yield from serves_in_the_end(story)
    yield from last_pair_is_kept(story)
    if rules.audited:
        yield from audit_is_complete(story)


def _stories(events: Sequence[Event]) -> dict[str, Story]:
    stories: dict[str, Story] = {}
    for event in events:
        if not event.record:
            continue
        story = stories.setdefault(event.record, Story(event.record))
        story.events[event.kind].append(event)
        if event.kind in {"login", "issued"}:
            story.pairs.append(event)
        if event.kind in PRESENTED:
            story.presentations[event.presented].append(event)
    return stories


def _missing(story: Story, rules: Rules) -> Iterator[str]:
    """What the history of each record must hold. `settled` and `got` are looked for in the whole one."""
    wanted = {"login", "issued", "observed", "final", *(["audited"] if rules.audited else [])}
    yield from (f"the history holds no `{kind}`" for kind in sorted(wanted - story.events.keys()))


def presented_once(story: Story, deeds: Sequence[Event], rules: Rules) -> Iterator[str]:
    """I-1, and that the provider never detected reuse."""
    for refused in story.events["refused"]:
        yield f"I-1: the provider refused {refused.presented}: {refused.detail}"
    for presented, times in story.presentations.items():
        for number, again in enumerate(times[1:], 1):
            if story.record in rules.strict:
                yield f"I-1: {presented} was presented {number + 1} times"
            elif not all(_unknown(before, again.at, story, deeds, rules) for before in times[:number]):
                yield f"I-1: {presented} was presented again at {again.at:.3f} although its outcome was known"


def _unknown(before: Event, now: float, story: Story, deeds: Sequence[Event], rules: Rules) -> bool:
    """Whether nobody could know at `now` what became of the presentation `before`."""
    if before.detail == "lost":
        return True
    if any(saved.access == before.access and saved.at <= now for saved in story.events["settled"]):
        return False
    sender, answer = _sender_of(before, story)
    if sender is None:
        return False  # a process that writes no history is never killed, stopped or cut off
    theirs = [
        deed for deed in deeds if deed.detail == sender.who and deed.at >= sender.at and deed.began <= now
    ]
    if any(deed.kind == "killed" for deed in theirs):
        return True
    if answer is not None and answer.detail == "unknown" and answer.at <= now:
        return True
    held_up = _stood_still(sender, now, deeds) or any(
        event.who == sender.who and event.at >= sender.at for event in story.events["unsaved"]
    )
    return held_up and now - sender.at >= rules.claim_seconds - 1.0


def _stood_still(sender: Event, now: float, deeds: Sequence[Event]) -> bool:
    """Whether the sender's process was stopped for a part of the time since it began to send."""
    mine = [deed for deed in deeds if deed.detail == sender.who]
    for index, deed in enumerate(mine):
        goes_on = next((later.at for later in mine[index:] if later.kind == "resumed"), now)
        if deed.kind == "stopped" and deed.began <= now and goes_on >= sender.at:
            return True
    return False


def _sender_of(presentation: Event, story: Story) -> tuple[Event | None, Event | None]:
    """Who sent it, and how the sender's call ended: the latest call that was under way when it was looked at."""
    ended = {(one.who, one.began): one for one in story.events["answer"]}
    calls = [
        (send, ended.get((send.who, send.at)))
        for send in story.events["send"]
        if send.presented == presentation.presented and send.at <= presentation.at
    ]
    under_way = [(send, end) for send, end in calls if end is None or end.at >= presentation.at]
    found = under_way or calls
    return found[-1] if found else (None, None)


def generations_go_up(story: Story) -> Iterator[str]:
    """I-2, and that what was acknowledged as saved is never lost."""
    settled = story.events["settled"]
    numbers = [event.generation for event in settled]
    for number in sorted({number for number in numbers if numbers.count(number) > 1}):
        yield f"I-2: generation {number} was saved twice"
    looks = [*story.events["observed"], *story.events["final"]]
    for event in [*settled, *looks]:
        saved = max((one.generation for one in settled if one.at < event.began), default=0)
        if event.kind == "settled" and event.generation <= saved:
            yield f"I-2: generation {event.generation} was saved after {saved}"
        if event.kind != "settled" and event.generation < saved:
            yield f"acknowledged token lost: generation {saved} was saved, the store held {event.generation}"
    for earlier, later in pairwise(looks):
        if later.generation < earlier.generation:
            yield f"I-2: the store went from generation {earlier.generation} to {later.generation}"


def callers_go_forward(story: Story) -> Iterator[str]:
    """I-3."""
    newest: dict[tuple[str, str], int] = {}
    for event in story.events["got"]:
        caller = (event.who, event.detail)
        if event.generation < newest.get(caller, 0):
            yield f"I-3: {event.who} {event.detail} got generation {event.generation} after {newest[caller]}"
        newest[caller] = max(newest.get(caller, 0), event.generation)


def pairs_are_whole(story: Story) -> Iterator[str]:
    """What is saved, stored and handed out was issued for this record, and its two halves came together."""
    issued = story.issued_with
    for kind in ("settled", "observed", "got", "asked", "final"):
        for event in story.events[kind]:
            if event.access not in issued:
                yield f"{kind} at {event.at:.3f}: a token that was not issued for this record"
            elif event.refresh and issued[event.access] != event.refresh:
                yield f"{kind} at {event.at:.3f}: a torn pair"


def serves_in_the_end(story: Story) -> Iterator[str]:
    """I-4. The provider of a race ends no login, so that there is no reason for a record not to serve."""
    for event in story.events["failed"]:
        if event.detail.rpartition(" ")[2] in LOGIN_WANTED:
            yield f"I-4: {event.who} {event.detail} at {event.at:.3f}, and the provider had ended no login"
    for event in story.events["unasked"]:
        yield f"I-4: in the end it does not serve: {event.detail}"
    in_the_end = [event for event in story.events["asked"] if event.detail != "command"]
    if not in_the_end and not story.events["unasked"]:
        yield "I-4: nobody asked for it in the end"


def last_pair_is_kept(story: Story) -> Iterator[str]:
    """I-5. Of two answers to one refresh token, given in the provider's grace, either may have been kept."""
    for final in story.events["final"]:
        if final.detail == "intent" or not story.pairs or final.access == story.pairs[-1].access:
            continue
        kept = next((pair for pair in story.pairs if pair.access == final.access), None)
        later = story.pairs[story.pairs.index(kept) + 1 :] if kept is not None else story.pairs
        if kept is None or any(pair.presented != kept.presented for pair in later):
            yield f"I-5: the store holds generation {final.generation}, which is not the last pair issued"


def audit_is_complete(story: Story) -> Iterator[str]:
    """I-6. `audited` counts the rows of renewals; the first generation was a login."""
    for rows in story.events["audited"]:
        for final in story.events["final"]:
            if rows.number != final.generation - 1:
                yield f"I-6: {rows.number} rows for {final.generation - 1} renewals"
