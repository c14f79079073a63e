#!/bin/sh
# The client (tests/http_peers.c) with servers of others: nginx, apache2, Python's and node's.
set -u
cd "$(dirname "$0")/.."
build=${HOB_BUILD:-$PWD/build}
[ -x "$build/tests/http_peers" ] || { echo "no http_peers in this build"; exit 77; }
exec python3 -B - "$build/tests/http_peers" <<'PYTHON'
import os, shutil, socket, subprocess, sys, tempfile, time

sys.path.append("tests")
from free_port import free_port

program = os.path.abspath(sys.argv[1])
folder = tempfile.mkdtemp(prefix="hob-peers-")
os.chmod(folder, 0o755)
passed = failed = 0
PATH = os.environ.get("PATH", "") + ":/usr/sbin"
NAMES = dict(f=folder, www=folder + "/www")


def write(name, text):
    with open(folder + "/" + name, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())


def run(kind, server, port, *command):
    """Starts the server, and lets the client at it, on both backends."""
    global passed, failed
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, cwd=folder + "/www")
    try:
        for _ in range(1000):
            if child.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        for backend in "uring", "epoll":
            env = dict(os.environ, HOB_BACKEND=backend, HOB_SLOW_MS="60000")
            got = subprocess.run([program, kind, "http://127.0.0.1:%d/" % port, folder + "/www",
                                  server], env=env, capture_output=True, text=True, timeout=120)
            if backend == "uring" and not got.stdout and "io_uring" in got.stderr:
                continue
            print(got.stdout, end="")
            passed += got.stdout.count("\nok ") + got.stdout.startswith("ok ")
            bad = got.stdout.count("\nFAIL ") + got.stdout.startswith("FAIL ")
            if got.returncode and not bad:
                print("FAIL %s, %s: %s" % (server, backend, got.stderr))
                bad = 1
            failed += bad
    finally:
        child.terminate()
        words = child.communicate()[1].decode(errors="replace")
        if failed:
            print("    " + words[-1500:].replace("\n", "\n    "))
        sys.stdout.flush()


os.makedirs(folder + "/www/folder")
write("www/small", "hello, world\n")
write("www/large", os.urandom(5_000_000))
write("www/lines", "".join("%d\n" % i for i in range(100000)))
write("www/folder/index.html", "<p>here\n")
for name in ("small", "large", "lines"):  # dates that are old enough to be strong
    os.utime(folder + "/www/" + name, (1e9, 1e9))

nginx = shutil.which("nginx", path=PATH)
if nginx:
    port = free_port()
    write("conf", """daemon off; pid %(f)s/pid; error_log stderr crit; events {} http {
        access_log off; default_type text/plain; gzip on; gzip_types text/plain; gzip_min_length 1;
        client_body_temp_path %(f)s/a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d;
        scgi_temp_path e; absolute_redirect off;
        server { listen 127.0.0.1:%(port)d; root %(www)s; } }""" % dict(NAMES, port=port))
    run("static", "nginx", port, nginx, "-e", "/dev/null", "-p", folder, "-c", folder + "/conf")

apache = shutil.which("apache2", path=PATH)
if apache:
    port = free_port()
    write("apache", """ServerName here
        ServerRoot %(f)s
        PidFile %(f)s/apache.pid
        Mutex fcntl:%(f)s
        Listen 127.0.0.1:%(port)d
        LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
        LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
        LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
        LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
        TypesConfig /dev/null
        LogLevel crit
        ErrorLog %(f)s/apache.log
        DocumentRoot %(www)s
        User nobody
        Group nogroup
        """ % dict(NAMES, port=port))
    run("static", "apache2", port, apache, "-X", "-f", folder + "/apache")

port = free_port()
help_text = subprocess.run([sys.executable, "-m", "http.server", "--help"], capture_output=True,
                           text=True).stdout
if "--protocol" in help_text:
    run("static", "python", port, sys.executable, "-m", "http.server", "-p", "HTTP/1.1", "-b",
        "127.0.0.1", str(port))

write("app.py", '''
import email.parser, email.policy, http.server, sys, urllib.parse

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def handle_expect_100(self):
        if self.path == "/refuse":
            self.answer(b"", 413)
            return False
        return super().handle_expect_100()

    def answer(self, body, status=200, type="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        whole = b""
        while n := int(self.rfile.readline(), 16):
            whole += self.rfile.read(n)
            assert self.rfile.read(2) == b"\\r\\n"
        assert self.rfile.readline() == b"\\r\\n"
        return whole

    def pairs(self, text):
        pairs = urllib.parse.parse_qsl(text, keep_blank_values=True)
        return "".join("%s=%s;" % pair for pair in pairs).encode()

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/query":
            return self.answer(self.pairs(query))
        if path == "/trailers":
            self.wfile.write(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
                             b"5\\r\\nhello\\r\\n0\\r\\nX-Sum: 42\\r\\n\\r\\n")
            return
        first = int(self.headers.get("Last-Event-ID", 0)) + 1
        if first > 30:
            self.send_response(204)
            return self.end_headers()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for i in range(first, first + 7):
            if i <= 30:
                self.wfile.write(b"id: %d\\ndata: %d\\nretry: 10\\n\\n" % (i, i))
        self.close_connection = True

    def do_POST(self):
        type = self.headers.get("Content-Type", "")
        whole = self.body()
        if self.path == "/form":
            assert type == "application/x-www-form-urlencoded"
            return self.answer(self.pairs(whole.decode()))
        if self.path == "/count":
            return self.answer(b"%d" % len(whole))
        if self.path == "/multipart":
            head = b"Content-Type: " + type.encode() + b"\\r\\n\\r\\n"
            text = ""
            for part in email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
                    head + whole).get_payload():
                name = part.get_param("name", header="content-disposition").replace("%22", '"')
                file = part.get_param("filename", header="content-disposition")
                data = part.get_payload(decode=True)
                text += "%s=%s;" % (name, data.decode() if file is None else "[%s %s %d]" % (
                    file.replace("%22", '"'), part.get_content_type(), len(data)))
            return self.answer(text.encode())
        self.answer(whole, type=type or "text/plain")

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
''')
port = free_port()
run("app", "python's application", port, sys.executable, folder + "/app.py", str(port))

write("app.mjs", '''
import http from 'node:http';
const pairs = params => [...params].map(([name, value]) => `${name}=${value};`).join('');
const server = http.createServer(async (req, res) => {
    const url = new URL(req.url, 'http://here');
    if (url.pathname == '/query') return res.end(pairs(url.searchParams));
    if (url.pathname == '/trailers') {
        res.writeHead(200, {'Trailer': 'X-Sum'});
        res.write('hello');
        res.addTrailers({'X-Sum': '42'});
        return res.end();
    }
    if (url.pathname == '/events') {
        const first = Number(req.headers['last-event-id'] ?? 0) + 1;
        if (first > 30) return res.writeHead(204).end();
        res.writeHead(200, {'Content-Type': 'text/event-stream'});
        for (let i = first; i < first + 7 && i <= 30; i++)
            res.write(`id: ${i}\\ndata: ${i}\\nretry: 10\\n\\n`);
        return first % 2 ? res.end() : setTimeout(() => res.socket.destroy(), 20);
    }
    const pieces = [];
    for await (const piece of req) pieces.push(piece);
    const body = Buffer.concat(pieces);
    if (url.pathname == '/form') return res.end(pairs(new URLSearchParams(body.toString())));
    if (url.pathname == '/count') return res.end(String(body.length));
    if (url.pathname == '/multipart') {
        const form = await new Response(body, {headers: req.headers}).formData();
        const said = name => name.replaceAll('%22', '"'); // node 18 leaves it as it comes
        let text = '';
        for (const [name, value] of form)
            text += typeof value == 'string' ? `${said(name)}=${value};`
                : `${said(name)}=[${said(value.name)} ${value.type} ${value.size}];`;
        return res.end(text);
    }
    res.writeHead(200, {'Content-Type': req.headers['content-type'] ?? 'text/plain'});
    res.end(body);
});
server.on('checkContinue', (req, res) => {
    if (req.url == '/refuse') return res.writeHead(413).end();
    res.writeContinue();
    server.emit('request', req, res);
});
server.listen(Number(process.argv[2]), '127.0.0.1');
''')
node = shutil.which("node", path=PATH)
if node:
    port = free_port()
    run("app", "node", port, node, folder + "/app.mjs", str(port))

shutil.rmtree(folder, ignore_errors=True)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
PYTHON
