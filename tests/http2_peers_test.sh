#!/bin/sh
# HTTP/2 with others: `hob fetch` with nginx (over TLS, and by prior knowledge), node's http2 and
# nghttpd; a server that has only HTTP/1.1; `hob playground` with curl, node's http2 and h2load.
set -u
cd "$(dirname "$0")/.."
build=${HOB_BUILD:-$PWD/build}
[ -x "$build/hob" ] || { echo "no programs in this build"; exit 77; }
grep -q HAVE_NGHTTP2 "$build/build.ninja" || { echo "built without nghttp2"; exit 77; }
command -v openssl >/dev/null || { echo "no openssl here"; exit 77; }
exec python3 -B - "$build/hob" <<'PYTHON'
import json, os, shutil, socket, subprocess, sys, tempfile, time

sys.path.append("tests")
from free_port import free_port

hob = sys.argv[1]
folder = tempfile.mkdtemp(prefix="hob-http2-")
os.chmod(folder, 0o755)
passed = failed = 0
PATH = os.environ.get("PATH", "") + ":/usr/sbin"
QUIET = dict(os.environ, HOB_SLOW_MS="60000")


def check(name, fact, words=""):
    global passed, failed
    if fact:
        passed += 1
        print("ok " + name)
    else:
        failed += 1
        print("FAIL %s\n    %s" % (name, str(words).strip()[:2000].replace("\n", "\n    ")))
    sys.stdout.flush()


def start(port, *command):
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, cwd=folder)
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return child
        except OSError:
            time.sleep(0.02)
    check("start of " + command[0], False)
    return child


def stop(child):
    child.terminate()
    child.communicate()


def fetch(*words, lines=None):
    got = subprocess.run([hob, "fetch", "-q", "--cacert", "site.pem", *words], cwd=folder, timeout=60,
                         env=QUIET, text=True, capture_output=True,
                         input="\n".join(lines) if lines else None)
    return [json.loads(line) for line in got.stdout.splitlines()], got


def all_are(rows, count, protocol, **want):
    return (len(rows) == count and all(r.get("protocol") == protocol for r in rows) and
            all(r[k] == v for r in rows for k, v in want.items()))


subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                "-days", "3", "-keyout", "site.key", "-out", "site.pem"], cwd=folder, check=True,
               capture_output=True)
os.mkdir(folder + "/www")
with open(folder + "/www/small", "w") as f:
    f.write("hello, world\n")
with open(folder + "/www/large", "wb") as f:
    f.write(os.urandom(5_000_000))

# ---- nginx ----
nginx = shutil.which("nginx", path=PATH)
if nginx:
    tls, plain, old = free_port(), free_port(), free_port()
    with open(folder + "/conf", "w") as f:
        f.write("""daemon off; pid %(f)s/pid; error_log /dev/null crit; events {} http {
            access_log off; default_type text/plain; client_max_body_size 100m;
            client_body_temp_path %(f)s/a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d;
            scgi_temp_path e; ssl_certificate %(f)s/site.pem; ssl_certificate_key %(f)s/site.key;
            http2_max_concurrent_streams 20; keepalive_requests 10000;
            server { listen 127.0.0.1:%(tls)d ssl http2; listen 127.0.0.1:%(plain)d http2;
                     root %(f)s/www; location /to { return 302 /small; }
                     location /post { return 200 "ok"; } location /bye { keepalive_requests 7;
                     alias %(f)s/www/small; } }
            server { listen 127.0.0.1:%(old)d ssl; root %(f)s/www; } }"""
                % dict(f=folder, tls=tls, plain=plain, old=old))
    child = start(tls, nginx, "-e", "/dev/null", "-p", folder, "-c", folder + "/conf")
    for name, base, words in (("TLS", "https://127.0.0.1:%d" % tls, []),
                              ("prior knowledge", "http://127.0.0.1:%d" % plain, ["--http2"])):
        rows, got = fetch(*words, base + "/small")
        check("nginx, %s" % name, all_are(rows, 1, "HTTP/2", status=200, bytes=13),
              got.stdout + got.stderr)
        rows, got = fetch(*words, "-c", "200", lines=[base + "/small"] * 2000)
        check("nginx, %s: 2000 requests, 200 at once, 20 on each connection" % name,
              all_are(rows, 2000, "HTTP/2", status=200, bytes=13), got.stderr or rows[-1:])
        rows, got = fetch(*words, *[base + "/large"] * 8)
        check("nginx, %s: 8 large files at once" % name,
              all_are(rows, 8, "HTTP/2", status=200, bytes=5_000_000), got.stdout + got.stderr)
        rows, got = fetch(*words, base + "/to", base + "/none")
        check("nginx, %s: a redirect, and nothing there" % name,
              sorted(r["status"] for r in rows) == [200, 404], got.stdout + got.stderr)
        rows, got = fetch(*words, "-d", "@" + folder + "/www/large", base + "/post")
        check("nginx, %s: a large body" % name, all_are(rows, 1, "HTTP/2", status=200),
              got.stdout + got.stderr)
        rows, got = fetch(*words, "-c", "30", lines=[base + "/bye"] * 300)
        check("nginx, %s: a GOAWAY every 7 requests" % name,
              all_are(rows, 300, "HTTP/2", status=200, bytes=13), got.stderr or rows[-1:])
    rows, got = fetch("-c", "50", lines=["https://127.0.0.1:%d/small" % old] * 200)
    check("a server that has no HTTP/2", all_are(rows, 200, "HTTP/1.1", status=200, bytes=13),
          got.stdout + got.stderr)
    stop(child)

# ---- node ----
node = shutil.which("node")
if node:
    tls, plain = free_port(), free_port()
    with open(folder + "/server.js", "w") as f:
        f.write("""const h2 = require('http2'), fs = require('fs');
            const serve = (req, res) => {
                let n = 0;
                req.on('data', d => n += d.length);
                req.on('end', () => {
                    res.setHeader('x-size', n);
                    if (req.url === '/early') res.writeEarlyHints({link: '</a>; rel=preload'});
                    if (req.url === '/slow') setTimeout(() => res.end('slow'), 300);
                    else if (req.url === '/reset') res.stream.close(2);
                    else if (req.url === '/trailers') { res.write('body');
                        res.addTrailers({'x-last': '1'}); res.end(); }
                    else if (req.url === '/large') res.end(Buffer.alloc(3000000));
                    else res.end(String(n));
                });
            };
            h2.createSecureServer({key: fs.readFileSync('site.key'),
                cert: fs.readFileSync('site.pem'), allowHTTP1: true}, serve).listen(%d, '127.0.0.1');
            h2.createServer(serve).listen(%d, '127.0.0.1');""" % (tls, plain))
    child = start(tls, node, "server.js")
    for name, base, words in (("TLS", "https://127.0.0.1:%d" % tls, []),
                              ("prior knowledge", "http://127.0.0.1:%d" % plain, ["--http2"])):
        rows, got = fetch(*words, "-c", "100", lines=[base + "/slow"] * 100)
        check("node, %s: 100 at once" % name, all_are(rows, 100, "HTTP/2", status=200, bytes=4),
              got.stderr or rows[-1:])
        rows, got = fetch(*words, base + "/large", base + "/trailers", base + "/early")
        check("node, %s: large, trailers, early hints" % name,
              sorted(r["bytes"] for r in rows) == [1, 4, 3000000], got.stdout + got.stderr)
        rows, got = fetch(*words, "-d", "@" + folder + "/www/large", base + "/post")
        check("node, %s: a large body" % name, all_are(rows, 1, "HTTP/2", status=200, bytes=7),
              got.stdout + got.stderr)
        rows, got = fetch(*words, base + "/reset")
        check("node, %s: a stream that is reset" % name,
              len(rows) == 1 and "INTERNAL_ERROR" in rows[0].get("message", ""), got.stdout)
    stop(child)

# ---- nghttpd ----
nghttpd = shutil.which("nghttpd", path=PATH)
if nghttpd:
    tls = free_port()
    child = start(tls, nghttpd, "-d", "www", "--echo-upload", str(tls), "site.key", "site.pem")
    base = "https://127.0.0.1:%d" % tls
    rows, got = fetch("-c", "100", lines=[base + "/small"] * 500)
    check("nghttpd", all_are(rows, 500, "HTTP/2", status=200, bytes=13), got.stderr or rows[-1:])
    rows, got = fetch("-X", "POST", "-d", "@" + folder + "/www/large", base + "/echo")
    check("nghttpd: an echo of 5 MB", all_are(rows, 1, "HTTP/2", status=200, bytes=5_000_000),
          got.stdout + got.stderr)
    stop(child)
else:
    print("no nghttpd here (Debian: nghttp2-server): left out")

# ---- the server ----
def playground(*words):
    child = subprocess.Popen([hob, "playground", "--listen", "127.0.0.1:0", *words], cwd=folder,
                             stdout=subprocess.PIPE, text=True, env=QUIET)
    return child, child.stdout.readline().split()[-1]


def run(*command):
    return subprocess.run(command, cwd=folder, timeout=100, text=True, capture_output=True)


curl, h2load = shutil.which("curl"), shutil.which("h2load")
if curl and "HTTP2" not in run(curl, "--version").stdout:
    curl = None
for name, words, how in (("TLS", ["--cert", "site.pem", "--key", "site.key"], ["--http2", "-k"]),
                         ("prior knowledge", [], ["--http2-prior-knowledge"])):
    child, base = playground(*words)
    if curl:
        got = run(curl, "-sS", *how, "-w", "%{http_version} %{http_code}", base + "/get?a=b")
        check("curl, %s" % name, got.stdout.endswith("2 200") and '"a": "b"' in got.stdout,
              got.stdout + got.stderr)
        got = run(curl, "-sS", *how, "-o", "out", "-w", "%{http_version} %{size_download}",
                  base + "/bytes/3000000")
        check("curl, %s: 3 MB" % name, got.stdout == "2 3000000", got.stdout + got.stderr)
        if name == "TLS":  # by prior knowledge curl 7.88 makes one request, with any server
            got = run(curl, "-sS", *how, "-Z", "-w", "%{http_version} %{http_code}\\n",
                      *[base + "/delay/0.2"] * 20, *["-o/dev/null"] * 20)
            check("curl, %s: 20 at once" % name, got.stdout.count("2 200") == 20,
                  got.stdout + got.stderr)
        got = run(curl, "-sS", *how[1:], "--http1.1", "-w", "%{http_version} %{http_code}", "-o",
                  "out", base + "/get")
        check("curl, %s: HTTP/1.1 as well" % name, got.stdout == "1.1 200", got.stdout + got.stderr)
    if node:
        with open(folder + "/client.js", "w") as f:
            f.write("""const c = require('http2').connect('%s', {rejectUnauthorized: false});
                let open = 50, good = 0;
                c.on('error', e => { console.log(e); process.exit(1); });
                for (let i = 0; i < 50; i++) {
                    const s = c.request({':path': '/bytes/20000'});
                    let n = 0;
                    s.on('data', d => n += d.length);
                    s.on('end', () => { good += n === 20000;
                        if (--open === 0) { console.log(good); c.close(); } });
                }""" % base)
        got = run(node, "client.js")
        check("node, %s: 50 streams" % name, got.stdout.strip() == "50", got.stdout + got.stderr)
        # A WebSocket on a stream (RFC 8441): a text, 200000 bytes, a close; the masks are zeroes.
        with open(folder + "/websocket.js", "w") as f:
            f.write("""const c = require('http2').connect('%s', {rejectUnauthorized: false});
                const says = [], frame = (first, data) => {
                    const n = data.length, head = Buffer.alloc(n < 126 ? 6 : 14);
                    head[0] = first;
                    head[1] = 0x80 | (n < 126 ? n : 127);
                    if (n >= 126) head.writeUInt32BE(n, 6);
                    return Buffer.concat([head, data]);
                };
                c.on('error', e => { console.log(e); process.exit(1); });
                c.on('remoteSettings', settings => {
                    says.push(settings.enableConnectProtocol);
                    const s = c.request({':method': 'CONNECT', ':protocol': 'websocket',
                        ':scheme': '%s', ':path': '/ws/echo', 'sec-websocket-version': '13'}, {endStream: false});
                    let got = Buffer.alloc(0);
                    s.on('response', h => {
                        says.push(h[':status']);
                        s.write(frame(0x81, Buffer.from('hello')));
                        s.write(frame(0x82, Buffer.alloc(200000, 'x')));
                        s.write(frame(0x88, Buffer.from([3, 232])));
                    });
                    s.on('data', d => got = Buffer.concat([got, d]));
                    s.on('end', () => s.end());
                    s.on('close', () => {
                        says.push(got.length, got.subarray(2, 7).toString(), got.subarray(-4).toString('hex'),
                                  s.rstCode);
                        console.log(says.join());
                        c.close();
                    });
                });""" % (base, base.split(":")[0]))
        got = run(node, "websocket.js")
        check("node, %s: a WebSocket" % name, got.stdout.strip() == "true,200,200021,hello,880203e8,0",
              got.stdout + got.stderr)
    if h2load:
        got = run(h2load, "-n", "5000", "-c", "10", "-m", "20", base + "/status/200")
        check("h2load, %s" % name, "5000 succeeded, 0 failed" in got.stdout, got.stdout + got.stderr)
    stop(child)

shutil.rmtree(folder)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
PYTHON
