"""What `make dev` prints once everything runs: addresses, a key, and commands that work when pasted."""

from payments.devtools.seed import DemoMerchant
from payments.devtools.state import State

_RULE = "─" * 100

_BANNER = """
{rule}
  Gateway         {gateway_url}
  API reference   {gateway_url}/docs
  Console         {console_url}
  Test API key    {api_key}
  Test cards      {cards}
  For scripts     .dev/state.json
  Stop            Ctrl-C; the data stays in .dev/ until `make dev-reset`

  Paste into another terminal: a card becomes a token, pays 25.00 USD, is captured, and gets 10.00 USD back.

{commands}
{rule}
"""

# `id` prints an answer and passes its id on to the next command.
_COMMANDS = r"""
GATEWAY={gateway_url}
KEY={api_key}
id() { python3 -m json.tool | tee /dev/stderr | sed -n 's/^    "id": "\([^"]*\)".*/\1/p'; }

CARD=$(curl -sS $GATEWAY/v1/payment_methods -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \
  -d '{"number": "4242424242424242", "exp_month": 12, "exp_year": 2032, "cvc": "123", "name": "Ada Lovelace"}' | id)

PAYMENT=$(curl -sS $GATEWAY/v1/payments -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \
  -H "Idempotency-Key: pay-$CARD" \
  -d '{"amount": 2500, "currency": "USD", "payment_method": "'$CARD'", "capture_method": "manual"}' | id)

curl -sS $GATEWAY/v1/payments/$PAYMENT/capture -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \
  -H "Idempotency-Key: capture-$PAYMENT" -d '{}' | id

curl -sS $GATEWAY/v1/payments/$PAYMENT/refunds -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \
  -H "Idempotency-Key: refund-$PAYMENT" -d '{"amount": 1000}' | id

curl -sS $GATEWAY/v1/balances -H "Authorization: Bearer $KEY" | python3 -m json.tool
""".strip()


def commands(state: State) -> str:
    """Commands for a POSIX shell that take a payment from card to refund; pasting them again starts another payment."""
    return _COMMANDS.replace("{gateway_url}", state.gateway_url).replace("{api_key}", state.api_key)


def banner(state: State, merchant: DemoMerchant) -> str:
    """The whole text; `merchant` is the one whose key is in the state."""
    lines = [f"{card.number}  {card.payment_method}  {card.meaning}" for card in merchant.cards]
    return _BANNER.format(
        rule=_RULE,
        gateway_url=state.gateway_url,
        console_url=state.console_url,
        api_key=state.api_key,
        cards="\n                  ".join([*lines, "more in docs/TEST_CARDS.md"]),
        commands=commands(state),
    )
