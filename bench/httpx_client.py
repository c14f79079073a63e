"""httpx_client.py - the client of http_client_* on httpx (bench/http_client.h)."""
import asyncio

import httpx
import python_client as c


async def get_pages(client):
    for _ in c.turns:
        if c.count == 1:
            async with client.stream("GET", c.url) as answer:
                async for piece in answer.aiter_raw(65536):
                    c.add_bytes(len(piece))
        else:
            answer = await client.get(c.url)
            c.add_bytes(len(answer.content))
        c.add_answer(answer.status_code)


async def main():
    limits = httpx.Limits(max_connections=c.at_once, max_keepalive_connections=c.at_once)
    http2 = c.url.startswith("https")
    async with httpx.AsyncClient(limits=limits, timeout=None, verify=not http2,
                                 http2=http2) as client:
        await asyncio.gather(*(get_pages(client) for _ in range(c.at_once)))
        c.end()


c.begin()
asyncio.run(main())
