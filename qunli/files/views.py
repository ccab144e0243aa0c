"""Serving files: through here only, after the permission was checked."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from qunli.audit.services import looked
from qunli.files import selectors, services
from qunli.kernel.http import actor_of


@require_safe
def serve(request: HttpRequest, key: UUID) -> HttpResponse:
    """The content, never to be guessed at: 404 for a key that does not exist and for one that is not for this reader.

    A look by somebody else than the owner is in the audit. What the browser gets can run nothing: the type is fixed (nosniff), the
    policy is a sandbox, a PDF is downloaded.
    """
    actor = actor_of(request)
    attachment = selectors.visible(key, actor)
    if attachment is None:
        raise Http404
    if attachment.owner_id != actor.person_id:
        looked("files.content", f"attachment:{attachment.pk}", by=actor, of=attachment.subject)
    response = HttpResponse(services.read(attachment), content_type=attachment.content_type)
    download = not attachment.content_type.startswith("image/")
    response["Content-Disposition"] = content_disposition_header(download, str(attachment.name)) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    return response
