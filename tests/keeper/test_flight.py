"""Those who wait for one renewal go on in order, and a few at a time: the event loop serves others in between."""

from __future__ import annotations

import asyncio
from collections import Counter

from authrecord.core.messages import Stamp
from authrecord.keeper.flight import MOST_AT_ONCE, Flight
from authrecord.keeper.live import Live

TASKS = 10 * MOST_AT_ONCE + 7


def test_I2_waiting_tasks_go_on_in_the_order_they_came_and_few_in_one_turn_of_the_loop() -> None:
    flight, live = Flight(), Live(Stamp())
    turns = 0
    went_on: list[tuple[int, int]] = []

    async def waits(number: int) -> None:
        assert await flight.wait_async() is live
        went_on.append((number, turns))

    async def story() -> None:
        nonlocal turns
        tasks = [asyncio.create_task(waits(number)) for number in range(TASKS)]
        await asyncio.sleep(0)
        flight.future.set_result(live)
        while not all(task.done() for task in tasks):
            turns += 1
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    asyncio.run(story())
    assert [number for number, _ in went_on] == list(range(TASKS))
    assert max(Counter(turn for _, turn in went_on).values()) <= MOST_AT_ONCE


def test_H10_cancelled_tasks_in_the_crowd_keep_nobody_waiting() -> None:
    flight, live = Flight(), Live(Stamp())

    async def story() -> None:
        tasks = [asyncio.create_task(flight.wait_async()) for _ in range(TASKS)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        flight.future.set_result(live)
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in done[::2])
        assert all(each is live for each in done[1::2])

    asyncio.run(story())


def test_a_task_that_comes_while_the_others_are_woken_does_not_wait() -> None:
    flight, live = Flight(), Live(Stamp())

    async def story() -> None:
        tasks = [asyncio.create_task(flight.wait_async()) for _ in range(TASKS)]
        await asyncio.sleep(0)
        flight.future.set_result(live)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not all(task.done() for task in tasks)
        late = flight.wait_async()
        try:
            late.send(None)
        except StopIteration as ended:
            assert ended.value is live
        else:
            raise AssertionError("it waited")
        await asyncio.gather(*tasks)

    asyncio.run(story())
