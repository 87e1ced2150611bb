"""Upload endpoints: the tus 1.0 protocol (tus.io/protocols/resumable-upload), and a plain form."""

import base64
import binascii
import contextlib
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.requests import UserRequest
from mixes import access
from mixes.models import Mix, Upload
from mixes.services.library import uploads
from mixes.services.library.form_uploads import ReceivedFile, expects_files, left_out
from mixes.services.library.uploads import NotMusic, TooManyWriters, UploadGone, UploadLocked, WrongOffset
from mixes.services.limits import DiskFull, LimitReached
from mixes.services.rate_limits import WINDOW_S, TooFast
from mixes.views.duplicates import note_added

TUS_VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration"
PATCH_TYPE = "application/offset+octet-stream"
MAX_FORM_FILES = 20  # files a plain form may send at once
MAX_DRAINED, DRAIN_BLOCK = 16 << 20, 1 << 18  # bytes; our own client sends 8 MiB per request

ERROR_RESPONSES = {
    WrongOffset: (409, gettext_lazy("The bytes do not begin where those received end.")),
    UploadLocked: (423, gettext_lazy("This file is being sent by another window or connection.")),
    TooManyWriters: (429, gettext_lazy("You are sending as many files as you may at once.")),
    UploadGone: (410, gettext_lazy("This upload is no longer there. Choose the file again.")),
}

View = Callable[..., HttpResponse]


class ProtocolError(Exception):
    """A violation of the protocol: its HTTP status and the reason."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def tus_view(view: View) -> View:
    """Check what all tus requests share, and map errors to the statuses the protocol names."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            response = HttpResponse(status=204, headers=capabilities())
        else:
            response = _call_view(view, request, *args, **kwargs)
            if response.status_code >= 400:
                _drain_body(request)
        response["Tus-Resumable"] = TUS_VERSION
        response["Cache-Control"] = "no-store"
        return response

    return answered


def _drain_body(request: HttpRequest) -> None:
    """Read the rest of a rejected body: a browser that is still sending would miss the response."""
    with contextlib.suppress(OSError):
        for _block in range(MAX_DRAINED // DRAIN_BLOCK):
            if not request.read(DRAIN_BLOCK):
                return


def capabilities() -> dict[str, str]:
    return {
        "Tus-Version": TUS_VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(settings.LIMITS.file_bytes),
    }


def _call_view(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    if not request.user.is_authenticated:
        return text_response(401, _("You are signed out. Sign in again to go on; what has arrived is kept."))
    if request.headers.get("Tus-Resumable") != TUS_VERSION:
        return text_response(412, _("This server speaks tus 1.0.0 only."), **capabilities())
    try:
        return view(request, *args, **kwargs)
    except ProtocolError as error:
        return text_response(error.status, str(error))
    except DiskFull as error:
        return text_response(507, str(error))
    except TooFast as error:
        return text_response(429, str(error), **{"Retry-After": str(WINDOW_S)})
    except LimitReached as error:
        return text_response(413, str(error))
    except NotMusic as error:
        return text_response(415, str(error))
    except tuple(ERROR_RESPONSES) as error:
        status, sentence = ERROR_RESPONSES[type(error)]
        return text_response(status, str(sentence))
    except Http404:
        return text_response(404, _("There is no such upload, or it is not yours."))


def text_response(status: int, sentence: str, **headers: str) -> HttpResponse:
    """Return one sentence as plain text, for the page to show."""
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8", headers=headers)


@require_http_methods(["OPTIONS", "POST"])
@tus_view
def upload_create(request: UserRequest, place: str = "mixes:upload") -> HttpResponse:
    """Announce a file; `place` is the name of the address its bytes go to."""
    size = _whole_number(request, "Upload-Length")
    metadata = read_metadata(request.headers.get("Upload-Metadata", ""))
    if not metadata.get("filename"):
        raise ProtocolError(400, _("The name of the file is missing."))
    mix = _mix_of(request, metadata.get("mix", ""))
    before = _item_of(metadata.get("before", ""))
    upload = uploads.create_upload(request.user, metadata["filename"], size, mix=mix, before=before)
    if mix:
        note_added(request, upload.track_id)
    headers = {"Location": reverse(place, args=[upload.pk]), "Mixtape-Track": str(upload.track_id)}
    return HttpResponse(status=201, headers={**headers, **_expiry(upload)})


@require_http_methods(["OPTIONS", "HEAD", "PATCH", "DELETE"])
@tus_view
def upload(request: UserRequest, upload_pk: uuid.UUID) -> HttpResponse:
    found = access.get_upload(request.user, upload_pk)
    return {"HEAD": _head, "PATCH": _patch, "DELETE": _delete}[request.method or ""](request, found)


def _head(request: HttpRequest, found: Upload) -> HttpResponse:
    offset = uploads.sync_offset(found)
    headers = {"Upload-Offset": str(offset), "Upload-Length": str(found.size), **_expiry(found)}
    return HttpResponse(status=200, headers=headers)


def _patch(request: HttpRequest, found: Upload) -> HttpResponse:
    if request.content_type != PATCH_TYPE:
        raise ProtocolError(415, _("The bytes of a file are sent as %s.") % PATCH_TYPE)
    offset = _whole_number(request, "Upload-Offset")
    length = _whole_number(request, "Content-Length", missing=411)
    if not found.finished_at and offset + length > found.size:
        raise ProtocolError(413, _("These are more bytes than were announced."))
    end = uploads.append_bytes(found, offset, request)
    # the row may be gone: the file was a duplicate, and the worker was quick
    after = Upload.objects.filter(pk=found.pk).first()
    expiry = _expiry(after) if after else {}
    return HttpResponse(status=204, headers={"Upload-Offset": str(end), **expiry})


def _delete(request: HttpRequest, found: Upload) -> HttpResponse:
    if not uploads.discard_upload(found):
        return text_response(409, _("This file has arrived already. Delete its track if you do not want it."))
    return HttpResponse(status=204)


def read_metadata(header: str) -> dict[str, str]:
    """Return the pairs of an `Upload-Metadata` header. Raises ProtocolError."""
    metadata = {}
    for pair in filter(None, map(str.strip, header.split(","))):
        name, _space, value = pair.partition(" ")
        try:
            metadata[name] = base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            raise ProtocolError(400, _("The upload's metadata cannot be read.")) from None
    return metadata


def _whole_number(request: HttpRequest, header: str, *, missing: int = 400) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ProtocolError(400 if text else missing, _("The header %s must be a whole number.") % header)
    return int(text)


def _mix_of(request: UserRequest, pk: str) -> Mix | None:
    """Return the user's mix with that id, None where none is named. Raises Http404."""
    if not pk:
        return None
    try:
        return access.get_mix(request.user, uuid.UUID(pk))
    except ValueError:
        raise Http404 from None


def _item_of(pk: str) -> uuid.UUID | None:
    """Return the id of the item before which a song is dropped; None at the end. Raises ProtocolError."""
    try:
        return uuid.UUID(pk) if pk else None
    except ValueError:
        raise ProtocolError(400, _("The upload's metadata cannot be read.")) from None


def _expiry(upload: Upload) -> dict[str, str]:
    return {} if upload.finished_at else {"Upload-Expires": http_date(upload.expires_at.timestamp())}


@require_POST
@login_required
@expects_files(MAX_FORM_FILES, limit="file_bytes")
def upload_form(request: UserRequest) -> HttpResponse:
    """Accept whole files, for browsers without JavaScript; a rejected file does not stop the others."""
    files = cast("list[ReceivedFile]", request.FILES.getlist("files"))
    mix = _mix_of(request, request.POST.get("mix", ""))
    taken = sum(_add_file(request, file, mix) for file in files)
    for name, reason in left_out(request):
        _show_error(request, name, reason)
    if taken:
        messages.success(request, _("Files added: %d. They are being listened to.") % taken)
    elif not files and not left_out(request):
        messages.error(request, _("Choose one or more files first."))
    return redirect("mixes:mix_detail", mix.pk) if mix else redirect("mixes:track_list")


def _add_file(request: UserRequest, file: ReceivedFile, mix: Mix | None) -> bool:
    try:
        upload = uploads.add_file(request.user, file.name or "", file.path, mix=mix)
    except (LimitReached, NotMusic) as error:
        _show_error(request, file.name or "", str(error))
        return False
    if mix:
        note_added(request, upload.track_id)
    return True


def _show_error(request: HttpRequest, name: str, reason: str) -> None:
    messages.error(request, f"{uploads.clean_name(name)}: {reason}")
