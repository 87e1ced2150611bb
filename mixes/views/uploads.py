"""Uploads: the tus 1.0 protocol (tus.io/protocols/resumable-upload), and a plain form beside it."""

import base64
import binascii
import contextlib
import uuid
from collections.abc import Callable, Iterator
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

from mixes import access
from mixes.models import Mix, Upload
from mixes.services.library import uploads
from mixes.services.library.form_uploads import ReceivedFile, left_out
from mixes.services.library.uploads import BeingWritten, TooManyAtOnce, UploadGone, WrongOffset
from mixes.services.limits import DiskFull, LimitReached
from mixes.services.rate_limits import WINDOW_S, TooFast

TUS_VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration"
PIECE_TYPE = "application/offset+octet-stream"
FORM_FILES = 20  # that a plain form takes at once
HEARD_OUT, HEARD_AT_ONCE = 16 << 20, 1 << 18  # bytes; pieces of our own client have 8 MiB
SILENCE_S = 30.0  # of a connection, until a request stops waiting for the rest of its piece

TROUBLES = {
    WrongOffset: (409, gettext_lazy("The bytes do not begin where those received end.")),
    BeingWritten: (423, gettext_lazy("This file is being sent by another window or connection.")),
    TooManyAtOnce: (429, gettext_lazy("You are sending as many files as you may at once.")),
    UploadGone: (410, gettext_lazy("This upload is no longer there. Choose the file again.")),
}

View = Callable[..., HttpResponse]


class BadRequest(Exception):
    """A request that breaks the protocol: its status and why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def speak_tus(view: View) -> View:
    """Check what all requests share, and answer what goes wrong with the status the protocol names."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            response = HttpResponse(status=204, headers=capabilities())
        else:
            response = _answer(view, request, *args, **kwargs)
            if response.status_code >= 400:
                _hear_out(request)
        response["Tus-Resumable"] = TUS_VERSION
        response["Cache-Control"] = "no-store"
        return response

    return answered


def _hear_out(request: HttpRequest) -> None:
    """Read the rest of a piece that is refused: a browser that still sends would miss the answer."""
    with limited_patience(request), contextlib.suppress(OSError):
        for _block in range(HEARD_OUT // HEARD_AT_ONCE):
            if not request.read(HEARD_AT_ONCE):
                return


def capabilities() -> dict[str, str]:
    return {
        "Tus-Version": TUS_VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(settings.LIMITS.file_bytes),
    }


def _answer(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    if not request.user.is_authenticated:
        return say(401, _("You are signed out. Sign in again to go on; what has arrived is kept."))
    if request.headers.get("Tus-Resumable") != TUS_VERSION:
        return say(412, _("This server speaks tus 1.0.0 only."), **capabilities())
    try:
        return view(request, *args, **kwargs)
    except BadRequest as error:
        return say(error.status, str(error))
    except DiskFull as error:
        return say(507, str(error))
    except TooFast as error:
        return say(429, str(error), **{"Retry-After": str(WINDOW_S)})
    except LimitReached as error:
        return say(413, str(error))
    except tuple(TROUBLES) as error:
        status, sentence = TROUBLES[type(error)]
        return say(status, str(sentence))
    except Http404:
        return say(404, _("There is no such upload, or it is not yours."))


def say(status: int, sentence: str, **headers: str) -> HttpResponse:
    """Answer with one sentence that the page can show."""
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8", headers=headers)


@require_http_methods(["OPTIONS", "POST"])
@speak_tus
def upload_create(request: HttpRequest) -> HttpResponse:
    size = _whole_number(request, "Upload-Length")
    told = read_metadata(request.headers.get("Upload-Metadata", ""))
    if not told.get("filename"):
        raise BadRequest(400, _("The name of the file is missing."))
    mix = _mix_of(request, told.get("mix", ""))
    upload = uploads.announce_upload(request.user, told["filename"], size, mix=mix)
    place = reverse("mixes:upload", args=[upload.pk])
    return HttpResponse(status=201, headers={"Location": place, **_expiry(upload)})


@require_http_methods(["OPTIONS", "HEAD", "PATCH", "DELETE"])
@speak_tus
def upload(request: HttpRequest, upload_pk: uuid.UUID) -> HttpResponse:
    found = access.get_upload(request.user, upload_pk)
    return {"HEAD": _tell_offset, "PATCH": _take_piece, "DELETE": _discard}[request.method or ""](
        request, found
    )


def _tell_offset(request: HttpRequest, found: Upload) -> HttpResponse:
    offset = uploads.settle(found)
    headers = {"Upload-Offset": str(offset), "Upload-Length": str(found.size), **_expiry(found)}
    return HttpResponse(status=200, headers=headers)


def _take_piece(request: HttpRequest, found: Upload) -> HttpResponse:
    if request.content_type != PIECE_TYPE:
        raise BadRequest(415, _("The bytes of a file are sent as %s.") % PIECE_TYPE)
    offset = _whole_number(request, "Upload-Offset")
    length = _whole_number(request, "Content-Length", missing=411)
    if not found.finished_at and offset + length > found.size:
        raise BadRequest(413, _("These are more bytes than were announced."))
    with limited_patience(request):
        end = uploads.take_bytes(found, offset, request)
    # it may be gone: the file was there already, and the worker was quick
    after = Upload.objects.filter(pk=found.pk).first()
    expiry = _expiry(after) if after else {}
    return HttpResponse(status=204, headers={"Upload-Offset": str(end), **expiry})


def _discard(request: HttpRequest, found: Upload) -> HttpResponse:
    if not uploads.discard_upload(found):
        return say(409, _("This file has arrived already. Delete its track if you do not want it."))
    return HttpResponse(status=204)


@contextlib.contextmanager
def limited_patience(request: HttpRequest) -> Iterator[None]:
    """Stop waiting on a connection whose other end has gone without a word, as phones do.

    gunicorn itself would wait for ever, with one of its threads; other servers have limits of their own.
    """
    connection = request.META.get("gunicorn.socket")
    if connection is None:
        yield
        return
    connection.settimeout(SILENCE_S)
    try:
        yield
    finally:
        connection.settimeout(None)


def read_metadata(header: str) -> dict[str, str]:
    """Return the pairs of an `Upload-Metadata` header. Raises BadRequest."""
    told = {}
    for pair in filter(None, map(str.strip, header.split(","))):
        name, _space, value = pair.partition(" ")
        try:
            told[name] = base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            raise BadRequest(400, _("The upload's metadata cannot be read.")) from None
    return told


def _whole_number(request: HttpRequest, header: str, *, missing: int = 400) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise BadRequest(400 if text else missing, _("The header %s must be a whole number.") % header)
    return int(text)


def _mix_of(request: HttpRequest, pk: str) -> Mix | None:
    """Return the user's mix of that id, None where none is named. Raises Http404."""
    if not pk:
        return None
    try:
        return access.get_mix(request.user, uuid.UUID(pk))
    except ValueError:
        raise Http404 from None


def _expiry(upload: Upload) -> dict[str, str]:
    return {} if upload.finished_at else {"Upload-Expires": http_date(upload.expires_at.timestamp())}


@require_POST
@login_required
def upload_form(request: HttpRequest) -> HttpResponse:
    """Take files whole, for browsers without JavaScript; a bad one does not stop the others."""
    files = cast("list[ReceivedFile]", request.FILES.getlist("files"))
    mix = _mix_of(request, request.POST.get("mix", ""))
    taken = sum(_take_file(request, file, mix) for file in files[:FORM_FILES])
    for file in files[FORM_FILES:]:
        _tell(request, file.name or "", _("it was left out: %d files at once are the most.") % FORM_FILES)
    for name, reason in left_out(request):
        _tell(request, name, reason)
    if taken:
        messages.success(request, _("Files added: %d. They are being listened to.") % taken)
    elif not files and not left_out(request):
        messages.error(request, _("Choose one or more files first."))
    return redirect("mixes:mix_detail", mix.pk) if mix else redirect("mixes:track_list")


def _take_file(request: HttpRequest, file: ReceivedFile, mix: Mix | None) -> bool:
    try:
        uploads.take_file(request.user, file.name or "", file.path, mix=mix)
    except LimitReached as error:
        _tell(request, file.name or "", str(error))
        return False
    return True


def _tell(request: HttpRequest, name: str, reason: str) -> None:
    messages.error(request, f"{uploads.clean_name(name)}: {reason}")
