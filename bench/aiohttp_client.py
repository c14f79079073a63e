"""aiohttp_client.py - the client of http_client_* on aiohttp (bench/http_client.h); "uvloop" as a
fourth argument: on that loop."""
import asyncio
import sys

import aiohttp
import python_client as c


async def get_pages(session):
    for _ in c.turns:
        async with session.get(c.url) as answer:
            if c.count == 1:
                async for piece in answer.content.iter_chunked(65536):
                    c.add_bytes(len(piece))
            else:
                c.add_bytes(len(await answer.read()))
            c.add_answer(answer.status)


async def main():
    connector = aiohttp.TCPConnector(limit=c.at_once)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        await asyncio.gather(*(get_pages(session) for _ in range(c.at_once)))
        c.end()


if "uvloop" in sys.argv:
    import uvloop
    uvloop.install()
c.begin()
asyncio.run(main())
