from tests.support import Caller


async def test_an_automatic_payment_is_captured_at_once(shop: Caller):
    payment = await shop.pay()
    assert payment["status"] == "captured"
    assert (payment["amount_authorized"], payment["amount_captured"], payment["amount_refunded"]) == (10_000, 10_000, 0)
    assert await shop.show(payment["id"]) == payment
    assert await shop.causes(payment["id"]) == ["request:processing", "acquirer:captured"]
