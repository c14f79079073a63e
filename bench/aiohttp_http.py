"""aiohttp_http.py - the servers of http_* and websocket_* on aiohttp and uvloop, as their users write it:
aiohttp_http.py FOLDER [CERTIFICATE KEY]."""
import socket
import ssl
import sys

import uvloop
from aiohttp import web


async def hello(_):
    return web.Response(text="Hello, world!")


async def data(_):
    return web.json_response({"message": "Hello, world!", "id": 1234567, "tags": ["a", "b", "c"],
                              "ok": True})


async def echo(request):
    ws = web.WebSocketResponse(compress=False)
    await ws.prepare(request)
    async for message in ws:
        await ws.send_bytes(message.data)
    return ws


uvloop.install()
app = web.Application()
app.router.add_get("/", hello)
app.router.add_get("/json", data)
app.router.add_get("/ws", echo)
app.router.add_static("/file", sys.argv[1])
tls = None
if len(sys.argv) > 3:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*sys.argv[2:4])
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(4096)  # before it says so
print("port", s.getsockname()[1], flush=True)
web.run_app(app, sock=s, ssl_context=tls, backlog=4096, access_log=None, print=None)
