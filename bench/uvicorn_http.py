"""uvicorn_http.py - the servers of http_* on uvicorn (uvloop, httptools), an ASGI function without a
framework."""
import json
import socket

import uvicorn


async def app(scope, _, send):
    kind, text = b"text/plain", b"Hello, world!"
    if scope["path"] == "/json":
        kind = b"application/json"
        text = json.dumps({"message": "Hello, world!", "id": 1234567, "tags": ["a", "b", "c"],
                           "ok": True}).encode()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", kind), (b"content-length", str(len(text)).encode())]})
    await send({"type": "http.response.body", "body": text})


s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(4096)
print("port", s.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", access_log=False, loop="uvloop",
                              http="httptools")).run(sockets=[s])
