"""What was paid, what was taken off and why, and what is to come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from gateway.api.access import Operator, Reader, allowed, site_of
from gateway.api.files import attachment
from gateway.api.idempotency import Once
from gateway.api.models import Given, Reason, by_name, many, of, page_of, row_of
from gateway.api.paging import Limit, Number, Text, listed, plain
from gateway.api.problems import ApiError
from gateway.api.site import Site
from gateway.errors import NotFoundError
from gateway.services import reconcile, statement
from gateway.services.access import Identity, Permission
from gateway.services.base import Services
from gateway.store import remittances as store
from gateway.store import tables as t
from gateway.store.database import reading
from gateway.store.queries import Page, Row

router = APIRouter(prefix="/api/v1/reconciliation", tags=["reconciliation"], route_class=Once)
Start = Annotated[int, Query(ge=0, le=10_000_000, description="where the page before ended")]
Status = Annotated[str, Query(pattern=f"^({'|'.join(('', 'owed', *statement.ASKED[:-2]))})$")]
State = Literal["", "counted", "held", "notice"]
Window = Literal["open", "overdue", "met"]


_Text: Any = str | None
_account = dict.fromkeys(statement.ACCOUNTS, _Text)
_account |= {"reasons": dict[str, str] | None, "remarks": list[str] | None}
_Account = of("Account", "An invoice or other account; amounts are texts.", **_account)
_line = dict.fromkeys(statement.LINES, _Text) | {"line": int}
_Line = of("Line", "A part of a remittance.", **_line)
_Sum = of("Sum", "How many parts of a kind, and how much.", "amount", parts=int)
_dispute = "number until state partner account kind amount"
_Dispute = of("Dispute", "A claim with its window.", _dispute, seq=int)
_Age = of("AgeSum", "What is past due for so long.", "partner currency past_due amount", invoices=int)
_Paid = of(
    "Paid",
    "A remittance with all its parts.",
    "partner trace paid_on amount currency state words document_id",
    parts=many(_Line),
)
_Remittance = row_of("Remittance", t.remittances, kinds=(by_name(_Sum), Field(default={})))
_Posted = of("Posted", "An account with all that was posted to it.", **_account, parts=many(_Line))
Accounts = page_of("Accounts", "accounts", _Account)
Lines = page_of("Lines", "lines", of("OpenLine", "A line that needs a person.", id=int, **_line))
Remittances = page_of("Remittances", "remittances", _Remittance)
Disputes = page_of("Disputes", "disputes", _Dispute)
Ageing = of("Ageing", "How much is past due for how long.", ageing=many(_Age))
_story = {"remittances": many(_Paid), "accounts": many(_Posted)}
Story = of("Story", "Remittances and accounts of a number, with every amount of them.", _story)


class Decision(Given):
    """What a line is, and the invoice or other account it belongs to."""

    kind: Annotated[str, Field(max_length=100)]
    account: Annotated[str | None, Field(max_length=200, pattern=r"^[^\x00]*$")] = None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a list is asked for."""

    partner: str
    limit: int
    cursor: int


def part(partner: Text = "", limit: Limit = 50, cursor: Start = 0) -> Part:
    """What all lists can be asked for."""
    return Part(plain(partner), limit, cursor)


Asked = Annotated[Part, Depends(part)]


def rows(request: Request, identity: Identity, ask: Callable[..., list[Row]], asked: Part) -> Page:
    """A page of a list of :mod:`gateway.services.statement` for whoever asks; amounts are text."""
    some: dict[str, Any] = {"limit": asked.limit + 1, "skip": asked.cursor}
    with reading(site_of(request).engine) as connection:
        found = ask(connection, asked.partner, **some, partners=identity.partners(Permission.READ))
    more = len(found) > asked.limit
    return Page([_texts(one) for one in found[: asked.limit]], asked.cursor + asked.limit if more else None)


def _texts(row: Row) -> Row:
    return {key: _texts(one) if isinstance(one, dict) else one for key, one in statement.plain(row).items()}


@router.get("/accounts", response_model=Accounts)
def list_accounts(
    request: Request, response: Response, identity: Reader, asked: Asked, status: Status = ""
) -> Any:
    """Invoices and what became of them; `owed`, or `past_due`, are those that are to be paid."""
    page = rows(request, identity, partial(statement.accounts, status=status), asked)
    return listed(request, response, "accounts", page)


@router.get("/lines", response_model=Lines)
def list_lines(request: Request, response: Response, identity: Reader, asked: Asked) -> Any:
    """Lines of remittances that nobody can tell; a person says what they are."""
    return listed(request, response, "lines", rows(request, identity, statement.unclassified, asked))


@router.get("/remittances", response_model=Remittances)
def list_remittances(
    request: Request, response: Response, identity: Reader, asked: Asked, state: State = ""
) -> Any:
    """Remittances, the newest first."""
    page = rows(request, identity, partial(statement.payments, state=state), asked)
    return listed(request, response, "remittances", page)


@router.get("/disputes", response_model=Disputes)
def list_disputes(
    request: Request, response: Response, identity: Reader, asked: Asked, state: Window = "open"
) -> Any:
    """Claims with their windows: those that end first come first."""
    page = rows(request, identity, partial(statement.disputes, state=state), asked)
    return listed(request, response, "disputes", page)


@router.get("/ageing", response_model=Ageing)
def show_ageing(request: Request, identity: Reader, partner: Text = "") -> Any:
    """How much is past due for how long, by partner and currency."""
    with reading(site_of(request).engine) as connection:
        rows = statement.ageing(connection, plain(partner), identity.partners(Permission.READ))
    return {"ageing": [statement.plain(one) for one in rows]}


@router.get("/export", response_class=Response)
def export_csv(
    request: Request,
    identity: Reader,
    what: Literal["lines", "accounts"] = "lines",
    partner: Text = "",
) -> Response:
    """Every part of every remittance, or all accounts, as CSV. Nothing in it is a formula."""
    return as_csv(site_of(request), identity, plain(partner), what)


def as_csv(site: Site, identity: Identity, partner: str, what: str) -> Response:
    """The CSV for the finance team, as it is read."""
    mine = identity.partners(Permission.READ)

    def lines() -> Iterator[bytes]:
        with reading(site.engine) as connection:
            yield from statement.csv_lines(connection, partner, accounts=what == "accounts", partners=mine)

    head = attachment(f"reconciliation-{what}.csv") | {"Content-Type": "text/csv; charset=utf-8"}
    return StreamingResponse(lines(), headers=head)


@router.get("/numbers/{number}", response_model=Story)
def show_number(request: Request, identity: Reader, number: str, partner: Text = "") -> Any:
    """Every cent of a remittance, or everything that was posted to an invoice."""
    mine = identity.partners(Permission.READ)
    with reading(site_of(request).engine) as connection:
        return statement.shown(*statement.found(connection, plain(number), plain(partner), mine))


@router.post("/lines/{line_id}/classify", response_model=_Line)
def classify(request: Request, identity: Operator, line_id: Number, said: Decision) -> Any:
    """Say what a line of a remittance is; the answer is the line as it was."""
    with site_of(request).acting(identity.actor) as services:
        return statement.plain(statement.line(decided(services, identity, line_id, said)))


def decided(services: Services, identity: Identity, line_id: int, said: Decision) -> Row:
    """Says what a line is that somebody may see. Raises NotFoundError, RefusedError and ApiError."""
    mine = identity.partners(Permission.READ)
    with reading(services.store.engine) as connection:
        found = [*store.parts(connection, "", partners=mine, seq=line_id)]
    if not found:
        raise NotFoundError(f"There is no line {line_id} of a remittance.")
    allowed(identity, Permission.OPERATE, found[0]["partner"])
    if not said.kind:
        raise ApiError(422, "Say what the line is.")
    return reconcile.classify(services, line_id, said.kind, said.account, said.reason)
