"""Records that may be one person: offered, compared, merged, and a merge undone."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, render_refused
from qunli.kernel.lists import listed
from qunli.kernel.pages import paginate
from qunli.people import selectors, services
from qunli.people.forms import MergeForm
from qunli.people.models import Person
from qunli.people.perms import Permission, may_merge


@require_safe
def duplicates(request: HttpRequest) -> HttpResponse:
    """Suspected duplicates in one's range, and the merges that can be undone."""
    actor = actor_of(request)
    if not actor.has(Permission.MERGE):
        raise Denied(Permission.MERGE, _("合并档案"))
    page = paginate(selectors.open_duplicates(actor), order=("-id",), cursor=request.GET.get("cursor"))
    context = {"page": page, "merges": selectors.merges(actor).order_by("-id")[:20]}
    return render(request, "people/duplicates.html", context)


@require_POST
def decide(request: HttpRequest, duplicate_id: int) -> HttpResponse:
    """The two are different people."""
    actor = actor_of(request)
    services.dismiss(duplicate=get_object_or_404(selectors.open_duplicates(actor), pk=duplicate_id), by=actor, now=timezone.now())
    messages.success(request, _("已记为不同的人，不再提示。"))
    return redirect("people:duplicates")


def merge(request: HttpRequest, person_id: int, other_id: int) -> HttpResponse:
    """Two records side by side; which one stays, and why they are one person."""
    actor = actor_of(request)
    reach = Person.objects.reached_by(actor, Permission.MERGE).alive().select_related("division")
    one, other = get_object_or_404(reach, pk=person_id), get_object_or_404(reach, pk=other_id)
    if not (may_merge(actor, one) and may_merge(actor, other)):
        raise Denied(Permission.MERGE, _("合并档案"))
    pair = sorted((one, other), key=lambda person: person.pk)
    people = [(person.pk, _("档案 %(number)d") % {"number": person.pk}) for person in pair]
    form = MergeForm(request.POST or None, people=people, initial={"kept": pair[0].pk})
    context = {"pair": [(person, selectors.summary(person)) for person in pair]}
    if request.method != "POST":
        return render(request, "people/merge.html", {"form": form, **context})
    if not form.is_valid():
        return render_refused(request, "people/merge.html", form, context=context)
    kept, gone = sorted(pair, key=lambda person: person.pk != form.cleaned_data["kept"])
    try:
        entry = services.merge(kept=kept, gone=gone, reason=form.cleaned_data["reason"], by=actor, now=timezone.now())
    except Refused as refused:
        return render_refused(request, "people/merge.html", form, refused, context)
    moved = sum(len(step.get("pks", ())) for step in entry.moved)
    messages.success(request, _("已合并，移动了 %(rows)d 条记录。可以在这里撤销。") % {"rows": moved})
    return redirect("people:duplicates")


@require_POST
def undo(request: HttpRequest, merge_id: int) -> HttpResponse:
    """Put a merge back."""
    actor = actor_of(request)
    entry = get_object_or_404(selectors.merges(actor), pk=merge_id)
    try:
        left = services.undo(merge=entry, by=actor, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused.message))
        return redirect("people:duplicates")
    if left:
        messages.warning(
            request, _("已撤销；有 %(n)d 条记录后来改动过，留在原处：%(rows)s") % {"n": len(left), "rows": listed(left[:10])}
        )
    else:
        messages.success(request, _("已撤销，全部恢复。"))
    return redirect("people:duplicates")
