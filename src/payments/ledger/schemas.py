"""Response models of balances and the ledger."""

from typing import Literal

from pydantic import Field

from payments.http.models import ResponseModel


class Balance(ResponseModel):
    """What the platform owes a merchant in one currency, in minor units; negative when the merchant owes."""

    currency: str
    pending: int = Field(description="captured, not yet matured")
    available: int = Field(description="ready to be paid out")
    authorized: int = Field(description="held on cards, not yet captured")


class Balances(ResponseModel):
    """The balances of a merchant, one per currency used so far."""

    object: Literal["balances"] = "balances"
    livemode: bool
    data: list[Balance]


class Posting(ResponseModel):
    """One line of a transaction; a positive amount is a debit, a negative one a credit."""

    account: str
    currency: str
    amount: int


class LedgerTransaction(ResponseModel):
    """A balanced ledger transaction."""

    id: str
    object: Literal["ledger_transaction"] = "ledger_transaction"
    livemode: bool
    kind: str
    payment: str | None
    operation: str | None
    postings: list[Posting]
    created_at: str = Field(json_schema_extra={"format": "date-time"})


class TrialBalanceLine(ResponseModel):
    """All accounts of one kind and currency."""

    currency: str
    account: str
    debits: int
    credits: int


class TrialBalance(ResponseModel):
    """Every account of a mode; debits equal credits in each currency, always."""

    object: Literal["trial_balance"] = "trial_balance"
    livemode: bool
    balanced: bool
    data: list[TrialBalanceLine]
