"""The profiles that payments are made by: fresh enough, loaded once, bounded."""

import asyncio
from uuid import UUID

import pytest

from payments import fresh
from payments.fresh import Fresh
from payments.merchants.schemas import MerchantCreate, MerchantProfile, MerchantUpdate
from payments.merchants.service import Merchants
from shared.ids import new_uuid, uuid_of
from shared.problems import Problem


class Source:
    """Loads profiles when it is allowed to, and notes which."""

    def __init__(self) -> None:
        self.loaded: list[UUID] = []
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None

    async def __call__(self, merchant_id: UUID) -> MerchantProfile:
        self.loaded.append(merchant_id)
        self.entered.set()
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return MerchantProfile(merchant_id, f"load {len(self.loaded)}", "DE", "5942", "EUR", 290, 30, "normal", "UTC")


@pytest.fixture
async def source() -> Source:
    return Source()


@pytest.fixture
def cache(source, clock) -> Fresh:
    return Fresh(source, clock)


@pytest.fixture
async def merchant_id(merchants, body) -> UUID:
    return uuid_of("mer", (await merchants.create(MerchantCreate(**body()))).id)


async def test_a_profile_says_what_a_payment_needs(merchants, merchant_id):
    assert await merchants.profile(merchant_id) == MerchantProfile(
        id=merchant_id,
        name="Blue Bottle Books",
        country="DE",
        category_code="5942",
        settlement_currency="EUR",
        fee_basis_points=290,
        fee_fixed=30,
        risk_level="normal",
        time_zone="UTC",
    )


async def test_an_unknown_merchant_has_none(merchants):
    with pytest.raises(Problem) as found:
        await merchants.profile(new_uuid())

    assert (found.value.status, found.value.code) == (404, "not_found")


async def test_a_change_elsewhere_is_seen_after_two_seconds(merchants, merchant_id, payments_database, keyring, clock):
    elsewhere = Merchants(payments_database, keyring)
    await merchants.profile(merchant_id)
    await elsewhere.update(merchant_id, MerchantUpdate(risk_level="high"))

    clock.now += 1.999
    assert (await merchants.profile(merchant_id)).risk_level == "normal"
    clock.now += 0.001
    assert (await merchants.profile(merchant_id)).risk_level == "high"


async def test_a_change_here_is_seen_at_once(merchants, merchant_id):
    await merchants.profile(merchant_id)
    await merchants.update(merchant_id, MerchantUpdate(name="New"))

    assert (await merchants.profile(merchant_id)).name == "New"


async def test_the_age_counts_from_before_the_load(cache, source, clock):
    merchant_id = new_uuid()
    source.open.clear()
    first = asyncio.create_task(cache.get(merchant_id))
    await source.entered.wait()
    clock.now += 2
    source.open.set()
    await first

    await cache.get(merchant_id)

    assert source.loaded == [merchant_id, merchant_id]


async def test_many_who_ask_at_once_share_one_load(cache, source):
    merchant_id = new_uuid()
    source.open.clear()
    asking = [asyncio.create_task(cache.get(merchant_id)) for _ in range(100)]
    await source.entered.wait()
    source.open.set()
    found = await asyncio.gather(*asking, cache.get(merchant_id))

    assert source.loaded == [merchant_id]
    assert {profile.name for profile in found} == {"load 1"}


async def test_one_who_gives_up_does_not_take_it_from_the_others(cache, source):
    merchant_id = new_uuid()
    source.open.clear()
    first, second = (asyncio.create_task(cache.get(merchant_id)) for _ in range(2))
    await source.entered.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.open.set()

    assert (await second).id == merchant_id
    assert source.loaded == [merchant_id]


async def test_a_failure_reaches_all_who_wait_and_is_not_kept(cache, source):
    merchant_id = new_uuid()
    source.failure = ConnectionError("gone")
    found = await asyncio.gather(*(cache.get(merchant_id) for _ in range(3)), return_exceptions=True)
    source.failure = None

    assert [type(each) for each in found] == [ConnectionError] * 3
    assert source.loaded == [merchant_id]
    assert (await cache.get(merchant_id)).name == "load 2"


async def test_it_is_loaded_anew_before_its_end_and_nobody_waits(cache, source, clock):
    merchant_id = new_uuid()
    await cache.get(merchant_id)
    source.open.clear()
    source.entered.clear()
    clock.now += 1.4
    await cache.get(merchant_id)
    assert not source.entered.is_set()
    clock.now += 0.2
    assert [(await cache.get(merchant_id)).name for _ in range(3)] == ["load 1"] * 3
    await source.entered.wait()
    source.open.set()
    await asyncio.gather(*cache._loading.values())
    clock.now += 0.4  # past the end of the first, which it was loaded before
    assert (await cache.get(merchant_id)).name == "load 2"
    assert source.loaded == [merchant_id] * 2


async def test_when_it_cannot_be_loaded_anew_it_holds_until_its_end(cache, source, clock):
    merchant_id = new_uuid()
    await cache.get(merchant_id)
    source.failure = ConnectionError("gone")
    clock.now += 1.9
    await cache.get(merchant_id)
    await asyncio.gather(*cache._loading.values(), return_exceptions=True)
    assert (await cache.get(merchant_id)).name == "load 1"
    clock.now += 0.1
    with pytest.raises(ConnectionError):
        await cache.get(merchant_id)
    source.failure = None
    assert (await cache.get(merchant_id)).name == "load 4"


async def test_what_changes_while_it_is_loaded_is_loaded_again(cache, source):
    """As if the change was committed after the load had read."""
    merchant_id = new_uuid()
    source.open.clear()
    before = asyncio.create_task(cache.get(merchant_id))
    await source.entered.wait()
    cache.forget(merchant_id)
    after = asyncio.create_task(cache.get(merchant_id))
    await asyncio.sleep(0)
    source.open.set()
    await before
    assert (await after).name == "load 2"
    assert (await cache.get(merchant_id)).name == "load 2"
    assert cache._loading == {}


async def test_memory_is_bounded_and_the_oldest_leaves_first(cache, source, monkeypatch):
    monkeypatch.setattr(fresh, "_MAX_ENTRIES", 2)
    first, second, third = (new_uuid() for _ in range(3))
    for merchant_id in (first, second, third, second, third):
        await cache.get(merchant_id)
    assert source.loaded == [first, second, third]

    await cache.get(first)

    assert source.loaded == [first, second, third, first]
    assert len(cache._known) == 2
