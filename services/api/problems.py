"""Problems: every refusal of the API as RFC 9457 ``application/problem+json``.

In: an exception. Out: an answer that names what was wrong and what is possible. Guarantee: no
secret, no stack trace, and nothing about what the caller may not see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from paceline.admin.values import Absent, Conflict, Refused
from paceline.logs import get_logger
from paceline.progress.reading.windows import UnreadableError
from paceline.progress.teller import SwitchedError
from services.api.answers.plan import Mistake

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:paceline:problem:"

log = get_logger(__name__)


class ProblemError(Exception):
    """A refusal. ``code`` is stable and ends the problem's type; ``possible``: what would work."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        possible: str = "",
        errors: Sequence[Mistake] = (),
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.headers, self.possible = dict(headers or {}), possible
        self.errors = tuple(errors)


def unauthenticated(detail: str) -> ProblemError:
    """401: no key, or none that is valid now."""
    challenge = {"WWW-Authenticate": 'Bearer realm="paceline"'}
    return ProblemError(HTTPStatus.UNAUTHORIZED, "unauthenticated", detail, headers=challenge)


def forbidden(detail: str) -> ProblemError:
    """403: a valid key that may not do this at all."""
    return ProblemError(HTTPStatus.FORBIDDEN, "forbidden", detail)


def not_found(what: str) -> ProblemError:
    """404: it does not exist, or this key may not know whether it does."""
    return ProblemError(HTTPStatus.NOT_FOUND, "not-found", f"there is no such {what}")


def unprocessable(code: str, detail: str, possible: str = "") -> ProblemError:
    """422: understood, but it cannot be answered; ``possible`` says what can."""
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, code, detail, possible=possible)


def conflict(code: str, detail: str) -> ProblemError:
    """409: it stands against what is there already."""
    return ProblemError(HTTPStatus.CONFLICT, code, detail)


def too_large(most: int) -> ProblemError:
    """413: more bytes than are taken."""
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return ProblemError(status, "too-large", f"a body has at most {most} bytes")


@contextmanager
def writing_problems(what: str) -> Iterator[None]:
    """Refusals of administration as problems: 422 with every mistake, 404, 412."""
    try:
        yield
    except Refused as error:
        mistakes = [Mistake(pointer=one.pointer, detail=one.what) for one in error.faults]
        raise refused(mistakes) from None
    except Absent:
        raise not_found(what) from None
    except Conflict as error:
        detail = str(error) or "somebody changed it since; read it again"
        raise ProblemError(HTTPStatus.PRECONDITION_FAILED, "changed-since", detail) from None


def refused(mistakes: Sequence[Mistake]) -> ProblemError:
    """422: a write with mistakes, all of which are named."""
    count = len(mistakes)
    detail = f"{count} mistake{'' if count == 1 else 's'}; nothing was changed"
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "refused", detail, errors=mistakes)


def unavailable(detail: str) -> ProblemError:
    """503: a store is away."""
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, headers={"Retry-After": "2"}
    )


def response(problem: ProblemError, instance: str = "") -> Response:
    """The problem as an answer."""
    body: dict[str, object] = {
        "type": TYPE + problem.code,
        "title": problem.status.phrase,
        "status": int(problem.status),
        "detail": problem.detail,
    }
    more = {"instance": instance, "possible": problem.possible}
    body |= {name: value for name, value in more.items() if value}
    if problem.errors:
        body["errors"] = problem.errors
    return Response(
        msgspec.json.encode(body),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={**problem.headers, "Cache-Control": "no-store"},
    )


def install(app: FastAPI) -> None:
    """Answer every exception of the app as a problem."""
    app.add_exception_handler(Exception, _answer)
    for kind in (
        ProblemError,
        UnreadableError,
        SwitchedError,
        RequestValidationError,
        HTTPException,
        RedisError,
        SQLAlchemyError,
        OSError,
    ):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    return response(_problem(error), request.url.path)


def _problem(error: Exception) -> ProblemError:
    if isinstance(error, UnreadableError):
        return unprocessable(error.code, str(error), error.possible)
    return _of_others(error)


def _of_others(error: Exception) -> ProblemError:
    match error:
        case ProblemError():
            return error
        case RequestValidationError():
            return unprocessable(
                "invalid-request", "; ".join(_fault(fault) for fault in error.errors())
            )
        case SwitchedError():
            return unavailable("the numbers were being switched while they were read; try again")
        case HTTPException():
            status = HTTPStatus(error.status_code)
            code = status.phrase.lower().replace(" ", "-")
            return ProblemError(status, code, str(error.detail), headers=error.headers)
        case RedisError() | SQLAlchemyError() | OSError():
            log.warning("a store is away", error=type(error).__name__, reason=str(error)[:200])
            return unavailable("a store does not answer; nothing is lost, try again")
    log.error("a request failed", exc_info=error)
    return ProblemError(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "this is our fault; it has been logged"
    )


def _fault(fault: Mapping[str, object]) -> str:
    place = fault.get("loc")
    where = ".".join(str(part) for part in place) if isinstance(place, list | tuple) else ""
    return f"{where}: {fault.get('msg')}"
