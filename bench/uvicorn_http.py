"""uvicorn_http.py - the servers of http_* on uvicorn (uvloop, httptools), an ASGI function without a
framework, with Starlette's StaticFiles for files: uvicorn_http.py FOLDER [CERTIFICATE KEY]."""
import json
import socket
import sys

import uvicorn


try:
    from starlette.staticfiles import StaticFiles
    files = StaticFiles(directory=sys.argv[1])
except ImportError:
    files = None


async def app(scope, receive, send):
    if files and scope["path"].startswith("/file/"):
        await files({**scope, "path": scope["path"][5:]}, receive, send)
        return
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
cert, key = sys.argv[2:4] if len(sys.argv) > 3 else (None, None)
uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", access_log=False, loop="uvloop",
                              http="httptools", ssl_certfile=cert, ssl_keyfile=key)).run(sockets=[s])
