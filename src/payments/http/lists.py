"""Keyset pages: ``limit``, ``starting_after`` xor ``ending_before``, newest first."""

from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.dependencies.models import Dependant

from payments.access import Caller
from shared.ids import uuid_of
from shared.problems import FieldError, Problem


class Cursor(NamedTuple):
    """Where a page starts; at most one of the two ids is given."""

    limit: int
    starting_after: UUID | None
    ending_before: UUID | None


def parse_id(prefix: str, text: str, what: str) -> UUID:
    """Return the stored id of a shown one.

    Raises:
        Problem: 404, because an id of another shape names nothing either.

    """
    try:
        return uuid_of(prefix, text)
    except ValueError:
        raise Problem(404, "not_found", f"There is no such {what} for this key and mode.") from None


def only_known(request: Request) -> None:
    """Let no query parameter through that the route does not know: a misspelt filter would show everything.

    Raises:
        Problem: 422 that names those it takes.

    """
    if not request.query_params:
        return
    known = _query_parameters(request.scope["route"].dependant)
    if not known.issuperset(request.query_params):
        taken = f"the parameters {', '.join(sorted(known))}" if known else "no query parameters"
        # The unknown name is the client's, so it is not repeated.
        raise Problem(422, "validation_failed", f"There is a query parameter that is not known here; it takes {taken}.")


def _query_parameters(dependant: Dependant) -> set[str]:
    own = {field.alias for field in dependant.query_params}
    return own.union(*(_query_parameters(each) for each in dependant.dependencies))


def invalid_query(name: str, detail: str) -> Problem:
    """Return the answer for a query parameter that cannot be used."""
    return Problem(
        422, "validation_failed", "The request is not valid; see errors.", errors=(FieldError(detail, f"/{name}"),)
    )


def _mode(
    caller: Caller,
    livemode: Annotated[bool | None, Query(description="for people: which mode; a key has one")] = None,
) -> bool:
    if caller.kind == "person":
        return livemode is True
    if livemode is not None and livemode != caller.livemode:
        raise invalid_query("livemode", "An API key sees the objects of its own mode; leave this out")
    return caller.livemode


# The mode of a list that both keys and people read.
Mode = Annotated[bool, Depends(_mode)]


def cursor(prefix: str) -> Any:  # noqa: ANN401 - FastAPI's Depends has no public type
    """Return the dependency that reads a page's place, for ids with one prefix."""
    # Said here, checked below, with a sentence that a person understands.
    shown_id = Query(json_schema_extra={"pattern": f"^{prefix}_[0-9a-f]{{32}}$"})

    def read(
        limit: Annotated[int, Query(ge=1, le=100)] = 10,
        starting_after: Annotated[str | None, shown_id] = None,
        ending_before: Annotated[str | None, shown_id] = None,
    ) -> Cursor:
        if starting_after is not None and ending_before is not None:
            raise invalid_query("ending_before", "Send starting_after or ending_before, not both")
        after = _parse(prefix, "starting_after", starting_after)
        before = _parse(prefix, "ending_before", ending_before)
        return Cursor(limit, after, before)

    return Depends(read)


def _parse(prefix: str, name: str, text: str | None) -> UUID | None:
    try:
        return None if text is None else uuid_of(prefix, text)
    except ValueError as error:
        raise invalid_query(name, str(error)) from None
