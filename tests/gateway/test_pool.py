"""Long answers, and many requests over few connections."""

import asyncio

import pytest

from gateway.upstream import BrokenError, UnreachableError
from tests.gateway.support import client_of, raw, reply, request, silence, until


class TestStreams:
    async def test_pieces_arrive_as_they_come(self, client, payments):
        go_on = asyncio.Event()

        async def answer(_, writer):
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
            await go_on.wait()
            writer.write(b"1\r\nb\r\n0\r\n\r\n")

        payments.answer = answer
        response = await client.send(request())
        assert response.body == b"a"
        assert response.rest is not None
        go_on.set()
        assert [piece async for piece in response.rest] == [b"b"]
        await response.rest.aclose()
        await client.send(request())
        assert payments.connections == 1

    async def test_one_that_ends_early_says_so(self, client, payments):
        payments.answer = raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        response = await client.send(request())
        payments.writers[0].close()
        with pytest.raises(BrokenError):
            await response.read()

    async def test_one_that_is_given_up_ends_its_connection(self, client, payments):
        payments.answer = raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        response = await client.send(request())
        assert response.rest is not None
        await response.rest.aclose()
        await until(lambda: not client._open)

    async def test_a_slow_reader_slows_the_server_down(self, client, payments):
        size, sent = 64 * 1024 * 1024, 0

        async def flood(_, writer):
            nonlocal sent
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
            for _ in range(size // 65536):
                writer.write(bytes(65536))
                await writer.drain()
                sent += 65536

        payments.answer = flood
        response = await client.send(request())
        assert response.rest is not None
        before = -1
        while sent != before:  # until the flood stands still
            before = sent
            await asyncio.sleep(0.05)
        assert sent < size / 2
        received = len(response.body)
        async for piece in response.rest:
            received += len(piece)
        assert received == size


class TestPool:
    async def test_requests_at_once_use_as_many_connections_as_allowed(self, payments, clock):
        hold, waiting = asyncio.Event(), asyncio.Semaphore(0)

        async def answer(_, writer):
            waiting.release()
            await hold.wait()
            writer.write(reply())

        payments.answer = answer
        async with client_of(payments, clock, limit=3) as client:
            sending = [asyncio.create_task(client.send(request())) for _ in range(10)]
            for _ in range(3):
                await waiting.acquire()
            assert len(payments.seen) == 3
            hold.set()
            assert [response.status for response in await asyncio.gather(*sending)] == [200] * 10
        assert payments.connections == 3

    async def test_waiting_for_a_connection_ends(self, payments, clock, monkeypatch):
        monkeypatch.setattr("gateway.http_client.CONNECT_SECONDS", 0.05)

        async def never(*_):
            """Say nothing."""

        payments.answer = never
        async with client_of(payments, clock, limit=1) as client:
            first = asyncio.create_task(client.send(request()))
            await payments.arrived.wait()
            with pytest.raises(UnreachableError) as raised:
                await client.send(request())
            assert not raised.value.sent
            first.cancel()
            await asyncio.wait([first])

    async def test_a_turn_that_nobody_takes_is_passed_on(self, payments, clock, monkeypatch):
        hold = asyncio.Event()

        async def answer(_, writer):
            await hold.wait()
            writer.write(reply())

        payments.answer = answer
        async with client_of(payments, clock, limit=1) as client:
            first = asyncio.create_task(client.send(request()))
            await payments.arrived.wait()
            leaves, stays = (asyncio.create_task(client.send(request())) for _ in range(2))
            await until(lambda: len(client._waiting) == 2)
            notify = client._notify

            def notify_and_cancel():
                notify()
                leaves.cancel()  # after its turn came, and before it could know

            monkeypatch.setattr(client, "_notify", notify_and_cancel)
            hold.set()
            assert (await first).status == (await stays).status == 200
            with pytest.raises(asyncio.CancelledError):
                await leaves

    async def test_a_connection_that_fails_makes_room(self, payments, clock):
        async with client_of(payments, clock, limit=1) as client:
            for _ in range(3):
                payments.answer = silence
                with pytest.raises(BrokenError):
                    await client.send(request(repeatable=False))
            payments.answer = raw(reply())
            assert (await client.send(request())).status == 200

    async def test_a_refused_connection_makes_room(self, payments, clock):
        async with client_of(payments, clock, limit=1) as client:
            payments.stop()
            for _ in range(3):
                with pytest.raises(UnreachableError):
                    await client.send(request())
            await payments.start()
            assert (await client.send(request())).status == 200

    async def test_repeating_on_a_new_connection_keeps_to_the_limit(self, payments, clock):
        async with client_of(payments, clock, limit=1) as client:
            await client.send(request())

            async def answer(seen, writer):
                if seen.connection == 1:
                    writer.close()
                else:
                    writer.write(reply())

            payments.answer = answer
            assert (await client.send(request())).status == 200
            assert payments.connections == 2
