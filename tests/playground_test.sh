#!/bin/sh
# The playground's routes, each as a client meets it: Python's http.client and sockets, `hob fetch`,
# and curl (HTTP/2).
set -u
cd "$(dirname "$0")/.."
build=${HOB_BUILD:-$PWD/build}
[ -x "$build/hob" ] || { echo "no programs in this build"; exit 77; }
exec python3 - "$build/hob" "$build/build.ninja" <<'PYTHON'
import base64, gzip, http.client, json, os, re, shutil, signal, socket, subprocess, sys, tempfile, time, zlib

signal.signal(signal.SIGINT, signal.default_int_handler)  # else those started here ignore what this was told to ignore

hob = sys.argv[1]
built = open(sys.argv[2]).read()
passed = failed = 0


def check(name, fact, words=""):
    global passed, failed
    if fact:
        passed += 1
        print("ok " + name)
    else:
        failed += 1
        print("FAIL %s\n    %s" % (name, str(words)[:2000].replace("\n", "\n    ")))
    sys.stdout.flush()


server = subprocess.Popen([hob, "playground", "-l", "127.0.0.1:0"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
base = server.stdout.readline().strip().replace("listening on ", "")
address = ("127.0.0.1", int(base.rsplit(":", 1)[1]))


class Answer:
    def __init__(self, target, method="GET", body=None, headers={}):
        c = http.client.HTTPConnection(*address, timeout=20)
        c.request(method, target, body, headers)
        r = c.getresponse()
        self.status, self.headers, self.body = r.status, r.headers, r.read()
        self.cookies = r.headers.get_all("set-cookie") or []
        c.close()

    def json(self):
        return json.loads(self.body)


def ask(target, method="GET", body=None, **headers):
    return Answer(target, method, body, {k.replace("_", "-"): v for k, v in headers.items()})


def fetch(*words):
    got = subprocess.run([hob, "fetch", "-q", *words], timeout=60, text=True, capture_output=True)
    return [json.loads(line) for line in got.stdout.splitlines()], got


# ---- requests told back ----
for method, path in (("POST", "/post"), ("PUT", "/put"), ("PATCH", "/patch"), ("DELETE", "/delete"),
                     ("POST", "/anything"), ("GET", "/anything/deep/er"), ("QUERY", "/anything")):
    a = ask(path + "?x=1", method, b'{"a": [1, null]}', Content_Type="application/json", X_Own="yes")
    told = a.json()
    check(method + " " + path, a.status == 200 and told["json"] == {"a": [1, None]} and
          told["data"] == '{"a": [1, null]}' and told["args"] == {"x": "1"} and
          told["headers"]["X-Own"] == "yes" and told["origin"] == "127.0.0.1" and
          told["url"] == base + path + "?x=1" and
          told.get("method") == (method if "anything" in path else None), told)
told = ask("/post", "POST", b"a=1&b=%C3%A9+x&a=2", Content_Type="application/x-www-form-urlencoded").json()
check("a form", told["form"] == {"a": ["1", "2"], "b": "\u00e9 x"} and told["data"] == "" and
      told["json"] is None, told)
parts = (b'--x\r\nContent-Disposition: form-data; name="t"\r\n\r\ntext\r\n'
         b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nof a file\r\n--x--\r\n')
told = ask("/post", "POST", parts, Content_Type="multipart/form-data; boundary=x").json()
check("a form with a file", told["form"] == {"t": "text"} and told["files"] == {"f": "of a file"}, told)
told = ask("/put", "PUT", b"\xff\x00\xfe").json()
check("bytes that are no text", told["data"] == "data:application/octet-stream;base64," +
      base64.b64encode(b"\xff\x00\xfe").decode(), told)
told = ask("/put", "PUT", b"[1,").json()
check("what is no JSON", told["json"] is None and told["data"] == "[1,", told)
many = "&".join("a%d=1" % i for i in range(1001)).encode()
check("too many fields", ask("/post", "POST", many, Content_Type="application/x-www-form-urlencoded")
      .status == 413)
check("broken parts", ask("/post", "POST", parts[:80], Content_Type="multipart/form-data; boundary=x")
      .status == 400)
check("headers, ip, user-agent", ask("/headers", A="b").json()["headers"]["A"] == "b" and
      ask("/ip").json() == {"origin": "127.0.0.1"} and
      ask("/user-agent", User_Agent="me").json() == {"user-agent": "me"} and
      ask("/user-agent").json() == {"user-agent": None})
for path, allow in (("/get", "GET, HEAD"), ("/post", "POST"), ("/bytes/3", "GET, HEAD"),
                    ("*", "GET, HEAD, POST, PUT, PATCH, DELETE")):
    for method, status in (("PUT", 405), ("OPTIONS", 204)):
        if path == "*" and method == "PUT":
            continue  # 400: no other may have it
        a = ask(path, method)
        check(method + " " + path, a.status == status and a.headers["allow"] == allow + ", OPTIONS",
              a.headers)
check("OPTIONS of a route for all", ask("/anything", "OPTIONS").json()["method"] == "OPTIONS")
for path in ("/anything/%00", "/basic-auth/a", "/basic-auth/a/b/c", "/status//", "/links/1/0/0"):
    check("nothing at " + path, ask(path).status == 404)

# ---- statuses and redirects ----
seen = {ask("/status/201,202:3").status for _ in range(60)}
check("one of several statuses", seen == {201, 202}, seen)
check("weights", {ask("/status/201:0,202").status for _ in range(10)} == {202})
check("any method", ask("/status/418", "DELETE").status == 418)
for bad in ("/status/200:x", "/status/200:-1", "/status/,", "/status/200:0", "/status/" + "200," * 70,
            "/status/100", "/redirect/0", "/redirect/x", "/redirect/1001", "/redirect-to",
            "/redirect-to?url=a&status_code=200", "/redirect-to?url=a%0d%0ab", "/base64/S", "/base64/%25",
            "/base64/SG9=i", "/stream/101", "/stream-bytes/1?chunk_size=0", "/drip?numbytes=0",
            "/drip?duration=-1", "/drip?code=204", "/range/0", "/range/5?chunk_size=x", "/cache/-1",
            "/etag/a%22", "/response-headers?a%0d=b", "/response-headers?content-length=3&a=b%0a",
            "/links/0", "/links/3/3", "/sse?count=0", "/sse?delay=x", "/cookies/set?a=%20",
            "/cookies/set?=b", "/cookies/set?a=b;c", "/digest-auth/x/u/p", "/digest-auth/auth/u/p/CRC",
            "/digest-auth/auth/u/p/MD5/x"):
    a = ask(bad)
    check("400 to " + bad[:40], a.status == 400 and "error" in a.json() or
          bad.startswith("/digest") and a.status == 501, (a.status, a.body))
a = ask("/status/307")
check("a status that moves", a.headers["location"] == "/redirect/1")
for path, hops, first in (("/redirect/4", 4, "/relative-redirect/3"), ("/relative-redirect/1", 1, "/get"),
                          ("/absolute-redirect/3", 3, base + "/absolute-redirect/2"),
                          ("/redirect/2?absolute=true", 2, base + "/absolute-redirect/1")):
    a = ask(path)
    rows, got = fetch(base + path)
    check(path, a.status == 302 and a.headers["location"] == first and rows[0]["status"] == 200 and
          rows[0]["exchanges"] == hops + 1, (a.headers, got))
a = ask("/redirect-to?url=https%3A%2F%2Fexample.org%2Fa%3Fb&status_code=308", "POST")
check("a redirect elsewhere", a.status == 308 and a.headers["location"] == "https://example.org/a?b")
rows, got = fetch(base + "/redirect/11")
check("too many redirects for fetch", rows[0]["error"] is not None, got)

# ---- cookies ----
check("cookies that came", ask("/cookies", Cookie="a=1; b=x=y; c").json() ==
      {"cookies": {"a": "1", "b": "x=y", "c": ""}})
a = ask("/cookies/set?a=1&b=2")
check("cookies that are set", a.status == 302 and a.headers["location"] == "/cookies" and
      a.cookies == ["a=1; Path=/", "b=2; Path=/"], a.cookies)
check("a cookie by its path", ask("/cookies/set/n/v").cookies == ["n=v; Path=/"])
check("a cookie taken back", "Max-Age=0" in ask("/cookies/delete?a").cookies[0])

# ---- who asks ----
basic = "Basic " + base64.b64encode(b"u:p w").decode()
a = ask("/basic-auth/u/p%20w")
check("nobody asks", a.status == 401 and a.headers["www-authenticate"].startswith("Basic "))
check("the right one", ask("/basic-auth/u/p%20w", Authorization=basic).json() ==
      {"authenticated": True, "user": "u"})
for wrong in (basic[:-4], "Basic " + base64.b64encode(b"u:p").decode(), "Basic !", "Basic", "Bearer x"):
    check("not " + wrong, ask("/basic-auth/u/p%20w", Authorization=wrong).status == 401)
check("hidden", ask("/hidden-basic-auth/u/p%20w").status == 404 and
      ask("/hidden-basic-auth/u/p%20w", Authorization=basic).status == 200)
a = ask("/bearer")
check("a token", a.status == 401 and a.headers["www-authenticate"] == "Bearer" and
      ask("/bearer", Authorization="Bearer abc").json() == {"authenticated": True, "token": "abc"})
if "HAVE_TLS=1" in built:
    for qop in ("auth", "none"):
        for algorithm in ("MD5", "SHA-256", "SHA-512-256"):
            path = "%s/digest-auth/%s/u/p/%s" % (base, qop, algorithm)
            rows, got = fetch("--digest", "-u", "u:p", path, path, path)
            check("digest, %s, %s" % (qop, algorithm), [r["status"] for r in rows] == [200] * 3, got)
            rows, got = fetch("--digest", "-u", "u:q", path)
            check("digest, wrong password", rows[0]["status"] == 401, got)
    a = ask("/digest-auth/auth/u/p")
    check("a challenge", re.fullmatch(r'Digest realm="playground", nonce="[0-9a-f.]+", opaque="hob", '
                                      r'qop="auth", algorithm=MD5', a.headers["www-authenticate"]))
    rows, got = fetch("--digest", "-u", "u:p", "-c", "1", *[base + "/digest-auth/auth/u/p/MD5/2"] * 7)
    check("a nonce that is good twice", [r["status"] for r in rows] == [200] * 7, got)
    a = ask("/digest-auth/auth/u/p", Authorization='Digest username="u", realm="playground", uri="/x", '
            'nonce="123.0", nc=00000001, cnonce="", qop=auth, response="0"')
    check("somebody else's nonce", a.status == 401 and "stale" not in a.headers["www-authenticate"])
    if shutil.which("curl"):
        got = subprocess.run(["curl", "-sS", "--digest", "-u", "u:p", base + "/digest-auth/auth/u/p"],
                             capture_output=True, text=True, timeout=30)
        check("digest with curl", '"authenticated": true' in got.stdout, got)

# ---- codings ----
check("gzip", ("HAVE_ZLIB" not in built and ask("/gzip").status == 501) or
      json.loads(gzip.decompress(ask("/gzip").body))["gzipped"] is True)
check("deflate", ("HAVE_ZLIB" not in built and ask("/deflate").status == 501) or
      json.loads(zlib.decompress(ask("/deflate").body))["deflated"] is True)
for path, coding, library in (("/brotli", "br", "HAVE_BROTLI"), ("/zstd", "zstd", "HAVE_ZSTD")):
    if library in built:
        rows, got = fetch(base + path)
        check(path, rows[0]["error"] is None and ask(path).headers["content-encoding"] == coding, got)
    else:
        check(path, ask(path).status == 501)

# ---- bodies ----
a, b = ask("/stream-bytes/50000?seed=3&chunk_size=999"), ask("/bytes/50000?seed=3")
check("random bytes in chunks", a.headers["transfer-encoding"] == "chunked" and len(a.body) == 50000)
check("the same in one", len(b.body) == 50000 and b.headers["content-length"] == "50000")
lines = [json.loads(line) for line in ask("/stream/20?a=1").body.splitlines()]
check("lines", [l["id"] for l in lines] == list(range(20)) and lines[7]["args"] == {"a": "1"})
began = time.monotonic()
a = ask("/drip?numbytes=5&duration=0.3&delay=0.2&code=203")
check("a drip", a.status == 203 and a.body == b"*****" and 0.4 <= time.monotonic() - began < 10)
letters = bytes(97 + i % 26 for i in range(100))
check("letters", ask("/range/100").body == letters and ask("/range/100").headers["etag"] == '"range100"')
for header, part in (("bytes=0-0", (0, 1)), ("bytes=90-", (90, 100)), ("bytes=-3", (97, 100)),
                     ("bytes=95-1000", (95, 100)), ("bytes=-1000", (0, 100))):
    a = ask("/range/100?chunk_size=7", Range=header)
    check(header, a.status == 206 and a.body == letters[slice(*part)] and
          a.headers["content-range"] == "bytes %d-%d/100" % (part[0], part[1] - 1), a.headers)
for header in ("bytes=100-", "bytes=-0"):
    a = ask("/range/100", Range=header)
    check("none of " + header, a.status == 416 and a.headers["content-range"] == "bytes */100")
for header in ("bytes=5-3", "bytes=x", "letters=1-2", "bytes=", "bytes=-"):
    check("not a range: " + header, ask("/range/100", Range=header).status == 200)

# ---- conditions ----
a = ask("/etag/abc")
check("a tag", a.headers["etag"] == '"abc"' and ask("/etag/abc", If_None_Match='"x", W/"abc"').status == 304
      and ask("/etag/abc", If_None_Match='"x"').status == 200 and
      ask("/etag/abc", If_None_Match='*').status == 304 and
      ask("/etag/abc", If_Match='"x"').status == 412 and ask("/etag/abc", If_Match='"abc"').status == 200)
check("a cache", ask("/cache").status == 200 and ask("/cache", If_None_Match="x").status == 304 and
      ask("/cache", If_Modified_Since="x").status == 304 and
      ask("/cache/9").headers["cache-control"] == "public, max-age=9")
a = ask("/response-headers?X-A=1&X-B=two%20words")
check("headers that are wished for", a.headers["x-a"] == "1" and a.headers["x-b"] == "two words" and
      a.json() == {"X-A": "1", "X-B": "two words"})

# ---- examples ----
uuids = {ask("/uuid").json()["uuid"] for _ in range(3)}
check("uuids", len(uuids) == 3 and all(re.fullmatch(
    "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", u) for u in uuids), uuids)
check("base64", ask("/base64/SG9iIQ==").body == b"Hob!" and ask("/base64/SG9iIQ").body == b"Hob!" and
      ask("/base64/_-8").body == b"\xff\xef")
for path, type_, word in (("/html", "text/html", b"<h1>"), ("/json", "application/json", b"bread"),
                          ("/xml", "application/xml", b"<?xml"), ("/robots.txt", "text/plain", b"/deny"),
                          ("/deny", "text/plain", b"robot"), ("/image/png", "image/png", b"\x89PNG"),
                          ("/encoding/utf8", "text/html", "\u20ac".encode()),
                          ("/image/svg", "image/svg+xml", b"<svg"), ("/links/5", "text/html", b"/links/5/4"),
                          ("/forms/post", "text/html", b'action="/post"')):
    a = ask(path)
    check(path, a.status == 200 and a.headers["content-type"].startswith(type_) and word in a.body, a.body)
for path, type_, begin, end in (("/image/jpeg", "image/jpeg", b"\xff\xd8\xff", b"\xff\xd9"),
                                ("/image/webp", "image/webp", b"RIFF", b"")):
    a = ask(path)
    check(path, a.status == 200 and a.headers["content-type"] == type_ and a.body.startswith(begin) and
          a.body.endswith(end), a.body)
# Real decoders, where there are some.
pictures = {}
folder = tempfile.mkdtemp(prefix="hob-playground-")
for kind in ("png", "jpeg", "webp"):
    pictures[kind] = os.path.join(folder, "picture." + kind)
    with open(pictures[kind], "wb") as f:
        f.write(ask("/image/" + kind).body)
if subprocess.run(["/usr/bin/python3", "-c", "import PIL"], capture_output=True).returncode == 0:
    got = subprocess.run(["/usr/bin/python3", "-c", """import sys
from PIL import Image
for path in sys.argv[1:]:
    with Image.open(path) as image:
        image.load()
        grey, n = image.convert("L"), image.size[0]
        print(image.format, n, grey.getpixel((n // 2, n // 4 + 1)) < 80, grey.getpixel((0, 0)) > 200)
""", *pictures.values()], capture_output=True, text=True)
    check("images are what they should be", got.stdout.split("\n") == [
        "PNG 32 True True", "JPEG 32 True True", "WEBP 32 True True", ""], got.stdout + got.stderr)
for tool, words in (("djpeg", [pictures["jpeg"]]), ("dwebp", [pictures["webp"], "-o", "/dev/null"])):
    if shutil.which(tool):
        got = subprocess.run([tool, *words], capture_output=True)
        check("%s takes it" % tool, got.returncode == 0, got.stderr)
shutil.rmtree(folder)
check("an image that is accepted", ask("/image", Accept="image/svg+xml").body.startswith(b"<svg") and
      ask("/image", Accept="image/webp,*/*").body.startswith(b"RIFF") and
      ask("/image", Accept="image/jpeg;q=0.9").body.startswith(b"\xff\xd8") and
      ask("/image", Accept="image/*").body.startswith(b"\x89PNG") and
      ask("/image", Accept="text/plain").status == 406)

# ---- all of httpbin's routes, with a method that each takes ----
page = ask("/").body.decode()
for route in ("DELETE /delete", "GET /get", "PATCH /patch", "POST /post", "PUT /put",
              "GET /basic-auth/a/b", "GET /bearer", "GET /digest-auth/auth/a/b",
              "GET /digest-auth/auth/a/b/MD5", "GET /digest-auth/auth/a/b/MD5/never",
              "GET /hidden-basic-auth/a/b", "GET /status/200", "GET /headers", "GET /ip",
              "GET /user-agent", "GET /cache", "GET /cache/1", "GET /etag/a", "GET /response-headers",
              "POST /response-headers", "GET /brotli", "GET /deflate", "GET /deny",
              "GET /encoding/utf8", "GET /gzip", "GET /html", "GET /json", "GET /robots.txt", "GET /xml",
              "GET /base64/SG9i", "GET /bytes/1", "GET /delay/0", "GET /drip?duration=0",
              "GET /links/1/0", "GET /links/1", "GET /range/1", "GET /stream-bytes/1", "GET /stream/1",
              "GET /uuid", "GET /cookies", "GET /cookies/delete", "GET /cookies/set",
              "GET /cookies/set/a/b", "GET /image", "GET /image/jpeg", "GET /image/png", "GET /image/svg",
              "GET /image/webp", "GET /absolute-redirect/1", "GET /redirect-to?url=/",
              "GET /redirect/1", "GET /relative-redirect/1", "GET /anything", "GET /anything/a",
              "GET /forms/post"):
    method, path = route.split()
    status, first = ask(path, method).status, "/" + path.split("/")[1].split("?")[0]
    there = status == 404 if "hidden" in path else status in (200, 301, 302, 401)
    there = there or (first == "/brotli" and status == 501)
    check("as httpbin: " + route, there and first in page, status)
check("every image is on the page", all("/image/" + kind in page for kind in pictures), page)

# ---- what goes on ----
def events(text):
    return [dict(line.split(": ", 1) for line in e.split("\n")) for e in text.decode().split("\n\n") if e]


a = ask("/sse?count=3&delay=0.01")
check("events", a.headers["content-type"] == "text/event-stream" and
      [(e["event"], e["id"], json.loads(e["data"])["of"]) for e in events(a.body)] ==
      [("tick", str(i), 3) for i in (1, 2, 3)], a.body)
check("events that are missing", [e["id"] for e in events(ask("/sse?count=3&delay=0", Last_Event_ID="2")
                                                          .body)] == ["3"] and
      ask("/sse?count=3&delay=0", Last_Event_ID="3").status == 204)


def websocket():
    s = socket.create_connection(address, timeout=20)
    s.sendall(b"GET /ws/echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Origin: http://elsewhere.example\r\n"
              b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        head += s.recv(1000)
    return s, head


s, head = websocket()
s.sendall(b"\x81\x85\0\0\0\0hello")
echo = s.recv(100)
s.sendall(b"\x88\x82\0\0\0\0\x03\xe8")
check("a WebSocket", head.startswith(b"HTTP/1.1 101") and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head and
      echo == b"\x81\x05hello" and s.recv(100) == b"\x88\x02\x03\xe8", (head, echo))
check("no WebSocket", ask("/ws/echo").status == 426)
if "HAVE_NGHTTP2=1" in built and shutil.which("curl"):
    # (One request a time: curl 7.88 cannot use a connection of prior knowledge twice, with no server.)
    for path, word in (("/get", '"url": '), ("/sse?count=2&delay=0", 'data: {"id": 2'),
                       ("/stream/9", '"id": 8'), ("/drip?duration=0.1", "**********")):
        got = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", base + path, "-w", " %{http_version}"],
                             capture_output=True, text=True, timeout=30)
        check("HTTP/2: " + path, word in got.stdout and got.stdout.endswith(" 2"), got)

# ---- the end: what goes on ends inside the grace ----
stream = socket.create_connection(address, timeout=20)
stream.sendall(b"GET /sse?delay=100 HTTP/1.1\r\nHost: x\r\n\r\n")
got = b""
while b"\n\n\r\n" not in got:
    got += stream.recv(1000)
s, head = websocket()
began = time.monotonic()
server.terminate()
rest = b""
while piece := stream.recv(1000):
    rest += piece
close = s.recv(100)
s.close()
out, err = server.communicate(timeout=20)
check("events end at the stop, completely", rest.endswith(b"0\r\n\r\n"), rest)
check("WebSockets, too", close == b"\x88\x02\x03\xe9", close)
check("and the server, at once", server.returncode == 0 and time.monotonic() - began < 4 and err == "", err)
for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT),
                      (signal.SIGINT, signal.SIGTERM), (signal.SIGINT, signal.SIGINT)):
    server = subprocess.Popen([hob, "playground", "-l", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    address = ("127.0.0.1", int(server.stdout.readline().rsplit(":", 1)[1]))
    stream = socket.create_connection(address, timeout=20)
    stream.sendall(b"GET /drip?duration=600&numbytes=600&delay=0 HTTP/1.1\r\nHost: x\r\n\r\n")
    stream.recv(1)
    server.send_signal(first)
    for _ in range(500):  # until it has heard of it
        with socket.socket() as probe:
            if probe.connect_ex(address):
                break
        time.sleep(0.01)
    time.sleep(0.3)  # SIGTERM at once again would be the same one
    waits = server.poll() is None
    began = time.monotonic()
    server.send_signal(second)
    check("%s, %s: at once" % (first.name, second.name), waits and server.wait(20) == -second and
          time.monotonic() - began < 4, server.returncode)
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
PYTHON
