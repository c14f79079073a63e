"""aiohttp_http.py - the servers of http_* on aiohttp and uvloop, as their users write it."""
import socket

import uvloop
from aiohttp import web


async def hello(_):
    return web.Response(text="Hello, world!")


async def data(_):
    return web.json_response({"message": "Hello, world!", "id": 1234567, "tags": ["a", "b", "c"],
                              "ok": True})


uvloop.install()
app = web.Application()
app.router.add_get("/", hello)
app.router.add_get("/json", data)
s = socket.socket()
s.bind(("127.0.0.1", 0))
print("port", s.getsockname()[1], flush=True)
web.run_app(app, sock=s, backlog=4096, access_log=None, print=None)
