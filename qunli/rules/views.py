"""Reading rule sets, comparing versions, trying them, and what was decided by them. What is not visible is not there (404)."""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from qunli.audit import services as audit
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.kernel.http import actor_of, add_refusal
from qunli.people import selectors as people
from qunli.people.models import Person
from qunli.rules import comparing, reading_aloud, selectors, services
from qunli.rules.answers import Answer, answer
from qunli.rules.forms import TryForm, field_name, shown
from qunli.rules.models import Decision, Version
from qunli.rules.perms import Permission, may_try_on

MOST_FOUND = 10
"""People offered for a try-out; with more the words are too wide."""


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The rule sets in force today."""
    found = selectors.listed(actor_of(request), local_date(timezone.now()))
    return render(request, "rules/list.html", {"groups": reading_aloud.groups(found)})


@require_safe
def detail(request: HttpRequest, rules_key: str) -> HttpResponse:
    """One version as a page to read: the one in force, or the one that is asked for."""
    version = _version(request, rules_key, request.GET.get("version", ""))
    rules = selectors.of_version(version)
    history = selectors.history(actor_of(request), rules_key)
    context = {
        "version": version,
        "rules": rules,
        "page": reading_aloud.page(rules),
        "history": [(each, each.pk == version.pk) for each in history],
        "in_force": version.pk == _in_force(rules_key),
    }
    return render(request, "rules/detail.html", context)


@require_safe
def compare(request: HttpRequest, rules_key: str) -> HttpResponse:
    """Two versions: what came, what went, what reads differently. Without a choice, the last two."""
    history = selectors.history(actor_of(request), rules_key)
    if not history:
        raise Http404
    new = _version(request, rules_key, request.GET.get("new", "")) if request.GET.get("new") else history[0]
    before = [each for each in history if each.pk != new.pk]
    old = _version(request, rules_key, request.GET.get("old", "")) if request.GET.get("old") else next(iter(before), new)
    one, other = selectors.of_version(old), selectors.of_version(new)
    context = {
        "rules": other,
        "old": old,
        "new": new,
        "history": [(each, reading_aloud.issuer_name(each.issuer)) for each in history],
        "differences": comparing.compare(one, other),
    }
    return render(request, "rules/compare.html", context)


def trying(request: HttpRequest, rules_key: str) -> HttpResponse:
    """What if: facts filled in by hand or gathered from a record; nothing is stored. POST keeps them out of addresses."""
    actor, today = actor_of(request), local_date(timezone.now())
    rules = selectors.of_version(_version(request, rules_key, ""))
    step = request.POST.get("step", "")
    person = _person(request, actor)
    found: Answer | None = None
    form = TryForm(rules, today)
    if step == "person" and person is not None:
        gathered = services.gather_facts(key=rules_key, person=person, on=today, by=actor)
        form = TryForm(rules, today, shown(rules, gathered, today))
    elif step == "try":
        form = TryForm(rules, today, request.POST)
    if form.is_bound and form.is_valid():
        try:
            found = answer(rules, form.facts(), on=form.cleaned_data["on"])
        except Refused as refused:
            add_refusal(form, Refused(refused.message, code=refused.code, field=field_name(refused.field or "")))
    words = request.POST.get("words", "").strip() if step == "find" else ""
    may_search = actor.has(Permission.TRY_ON_PERSON)
    context = {
        "rules": rules,
        "form": form,
        "person": person,
        "answer": reading_aloud.answered(found, form.facts()) if found else None,
        "may_search": may_search,
        "may_try_self": actor.person_id is not None,
        "own": actor.person_id,
        "words": words,
        "people": list(people.search(words, actor=actor).order_by("id")[:MOST_FOUND]) if words and may_search else [],
        "has_records": any(fact.room for fact in rules.facts.values()),
    }
    return render(request, "rules/try.html", context, status=422 if form.is_bound and form.errors else 200)


@require_safe
def decision(request: HttpRequest, decision_id: int) -> HttpResponse:
    """One decision: the facts and the clauses of its day, and whether the same comes out today. The look is recorded."""
    actor = actor_of(request)
    found: Decision = get_object_or_404(selectors.decisions(actor), pk=decision_id)
    rules = selectors.of_version(found.version)
    context: dict[str, Any] = {"decision": found, "rules": rules, "answer": None, "same": False}
    if found.facts is not None and found.answer is not None:
        if found.person_id is None or found.person_id != actor.person_id:
            audit.looked("rules.decision", found.subject, by=actor, decision=found.pk)
        replay = services.replay(found)
        context |= {
            "answer": reading_aloud.answered(replay.answer, services.facts_of(found), json.loads(found.answer)),
            "same": replay.same,
        }
    return render(request, "rules/decision.html", context)


def _in_force(key: str) -> int | None:
    try:
        return selectors.held(key, local_date(timezone.now())).pk
    except Refused:
        return None


def _version(request: HttpRequest, key: str, asked: str) -> Version:
    """The version that was asked for, else the one in force, else the latest; 404 when the actor may not read it."""
    visible = selectors.versions(actor_of(request)).filter(key=key)
    if asked:
        if not asked.isdecimal() or len(asked) > 18:
            raise Http404
        return get_object_or_404(visible, pk=int(asked))
    in_force = _in_force(key)
    found = visible.filter(pk=in_force).first() if in_force else visible.order_by("-effective_from", "-revision").first()
    if found is None:
        raise Http404
    return found


def _person(request: HttpRequest, actor: Actor) -> Person | None:
    """The person whom a try-out is about: oneself, or whom the actor may see and try rules on; 404 otherwise."""
    asked = request.POST.get("person", "")
    if not asked:
        return None
    if not asked.isdecimal() or len(asked) > 18:
        raise Http404
    found = get_object_or_404(people.visible(actor), pk=int(asked))
    if not may_try_on(actor, found):
        raise Http404
    return found
