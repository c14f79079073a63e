#!/usr/bin/env python3
"""cli_peer.py - a server whose answers are wrong in many ways, one a path. Prints its port."""
import asyncio
import socket
import struct

OK = b"HTTP/1.1 200 OK\r\n"


busy = 0


async def answer(path, head, reader, writer):
    global busy
    if path == "/picky":  # wants a certain request
        body = await reader.readexactly(5)
        good = (head.startswith(b"POST /picky ") and b"\r\nX-One: 1\r\n" in head and
                b"\r\nX-Two: two words\r\n" in head and b"\r\nUser-Agent" not in head and
                b"x-www-form-urlencoded" in head and body == b"a=b&c")
        writer.write((OK if good else b"HTTP/1.1 400 No\r\n") + b"Content-Length: 0\r\n\r\n")
    elif path == "/busy":  # twice in three times
        busy += 1
        status = OK if busy % 3 == 0 else b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\n"
        writer.write(status + b"Content-Length: 0\r\n\r\n")
    elif path == "/cut":  # fewer bytes than announced
        writer.write(OK + b"Content-Length: 100\r\n\r\nonly this")
    elif path == "/cut-chunk":
        writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    elif path == "/cut-head":
        writer.write(OK + b"Content-Le")
    elif path == "/nothing":
        pass
    elif path == "/reset":
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    elif path == "/endless":  # a header block that never ends
        writer.write(OK)
        while True:
            writer.write(b"x-more: and more and more\r\n" * 100)
            await writer.drain()
    elif path == "/endless-line":
        writer.write(OK + b"x-long: ")
        while True:
            writer.write(b"a" * 4096)
            await writer.drain()
    elif path == "/silent":
        await reader.read()
    elif path == "/stuck":  # a body that stops in the middle
        writer.write(OK + b"Content-Length: 100\r\n\r\nonly this")
        await reader.read()
    elif path == "/garbage":
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    elif path == "/interim":  # 1xx answers without end, almost
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 70 + OK + b"\r\n")
    elif path == "/loop":
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n")
    elif path == "/moved":
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /fine\r\nContent-Length: 0\r\n\r\n")
    else:
        writer.write(OK + b"Content-Length: 5\r\n\r\nhello")


async def client(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split()[1].decode()
            await answer(path, head, reader, writer)
            await writer.drain()
            if path not in ("/loop", "/moved", "/fine", "/picky", "/busy"):
                break
    except (OSError, asyncio.IncompleteReadError):
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(client, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
