#!/bin/sh
# TLS with others: our server (examples/tls_echo) with openssl s_client, Python's ssl and its
# starttls; our client (examples/tls_get) with openssl s_server, Python's ssl and, where there is
# one, nginx; and what it says of certificates that will not do.
set -u
cd "$(dirname "$0")/.."
build=${HOB_BUILD:-$PWD/build}
if [ ! -x "$build/examples/tls_echo" ]; then
    echo "built without TLS"
    exit 77
fi
command -v openssl >/dev/null || { echo "no openssl here"; exit 77; }
exec python3 -B - "$build/examples" <<'PYTHON'
import os, re, shutil, signal, socket, ssl, subprocess, sys, tempfile, threading, time, urllib.request

sys.path.append("tests")
from free_port import free_port

examples = sys.argv[1]
folder = tempfile.mkdtemp(prefix="hob-tls-")
passed = failed = 0
QUIET = dict(os.environ, HOB_SLOW_MS="60000")


def check(name, fact, words=""):
    global passed, failed
    if fact:
        passed += 1
        print("ok " + name)
    else:
        failed += 1
        print("FAIL %s\n    %s" % (name, str(words).strip().replace("\n", "\n    ")))
    sys.stdout.flush()


def openssl(*words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def certificate(name, names, days, issuer=None):
    openssl("req", "-x509" if not issuer else "-new", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-keyout", name + ".key",
            "-out", name + (".csr" if issuer else ".pem"), *(["-days", "30"] if not issuer else []))
    if issuer:
        with open(folder + "/ext", "w") as f:
            f.write("subjectAltName=" + names)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", issuer + ".pem", "-CAkey",
                issuer + ".key", "-CAcreateserial", "-days", str(days), "-extfile", "ext", "-out",
                name + ".pem")


def path(name):
    return os.path.join(folder, name)


def start(*command, ready=None):
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, cwd=folder, env=QUIET)
    if ready:
        return child, re.fullmatch(ready, child.stdout.readline().strip())[1]
    return child


def stop(child):
    child.kill()
    return child.communicate()[0]


def says(child, text):
    """What it has printed when it has said that, or at its end."""
    seen = ""
    while text not in seen:
        line = child.stdout.readline()
        if not line:
            break
        seen += line
    return seen


def await_port(port):
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return
        except OSError:
            time.sleep(0.05)
    check("somebody listens on port %d" % port, False, "nobody after 30 s")


def run(*command, text="", patience=60):
    return subprocess.run(command, input=text, capture_output=True, text=True, cwd=folder,
                          timeout=patience, env=QUIET)


certificate("ca", "", 30)
certificate("site", "DNS:example.org,DNS:*.example.org,IP:127.0.0.1", 30, "ca")
certificate("other", "DNS:other.test", 30, "ca")

# ---- our server ----

server, address = start(examples + "/tls_echo", "127.0.0.1:0", "site.pem", "site.key",
                        ready=r"serving (.*)")
port = int(address.rsplit(":", 1)[1])
for version in "-tls1_2", "-tls1_3":
    child = start("openssl", "s_client", "-connect", address, "-CAfile", "ca.pem",
                  "-verify_return_error", "-verify_hostname", "www.example.org", "-quiet", version)
    child.stdin.write("hello from s_client\n")
    child.stdin.flush()
    seen = says(child, "hello from s_client")
    check("openssl s_client %s" % version, "hello from s_client" in seen, seen)
    stop(child)
old = run("openssl", "s_client", "-connect", address, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
check("openssl s_client -tls1_1 is refused", old.returncode != 0 and "alert protocol version" in
      old.stderr, old.stderr)

context = ssl.create_default_context(cafile=path("ca.pem"))


def talk(sock, times=12):
    """Sends and receives as much each time. (Python's SSL objects are not for two threads.)"""
    data = bytes(range(256)) * 100
    for _ in range(times):
        sock.sendall(data)
        got = b""
        while len(got) < len(data):
            piece = sock.recv(65536)
            if not piece:
                return False
            got += piece
        if got != data:
            return False
    return True


session = None
for turn in "first", "second":
    with socket.create_connection(("127.0.0.1", port), 30) as plain:
        with context.wrap_socket(plain, server_hostname="example.org", session=session) as s:
            check("Python's ssl, %s" % turn, talk(s))
            session = s.session
            check("resumed: %s" % s.session_reused, s.session_reused == (turn == "second"))
            check("the end is said: %s" % turn, s.unwrap() is not None)
with socket.create_connection(("127.0.0.1", port), 30) as plain:
    plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
    plain.recv(100)
output = says(server, "does not speak TLS")
stop(server)
check("plaintext is named", 'it does not speak TLS; it sent "GET / HTTP' in output, output)

server, address = start(examples + "/tls_echo", "127.0.0.1:0", "site.pem", "site.key", "starttls",
                        ready=r"serving (.*)")
port = int(address.rsplit(":", 1)[1])
with socket.create_connection(("127.0.0.1", port), 30) as plain:
    plain.sendall(b"STARTTLS\r\n")
    line = plain.recv(100)
    with context.wrap_socket(plain, server_hostname="example.org") as s:
        check("starttls", line == b"220 ready\r\n" and talk(s), line)
with socket.create_connection(("127.0.0.1", port), 30) as plain:
    plain.sendall(b"STARTTLS\r\nMAIL FROM:<evil>\r\n")
    while plain.recv(100):
        pass
output = says(server, "plaintext")
stop(server)
check("plaintext behind STARTTLS is refused", "plaintext" in output, output)

# ---- our client ----


def s_server(*words):
    port = free_port()
    child = start("openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-www", *words)
    await_port(port)
    return child, "127.0.0.1:%d" % port


for version in "-tls1_2", "-tls1_3":
    child, address = s_server("-cert", "site.pem", "-key", "site.key", version)
    got = run(examples + "/tls_get", address, "/", "ca.pem", "www.example.org")
    check("openssl s_server %s" % version, got.returncode == 0 and "CN=site" in got.stdout and
          "s_server" in got.stdout, got.stdout + got.stderr)
    wrong = run(examples + "/tls_get", address, "/", "ca.pem", "example.com")
    check("a wrong name %s" % version, wrong.returncode != 0 and
          'not for "example.com"' in wrong.stderr, wrong.stderr)
    unknown = run(examples + "/tls_get", address)
    check("an unknown CA %s" % version, unknown.returncode != 0 and '"CN=ca"' in unknown.stderr,
          unknown.stderr)
    stop(child)


class Cut(threading.Thread):
    """Python's ssl as a server that ends the connection without ending TLS."""

    def __init__(self, polite):
        super().__init__(daemon=True)
        self.polite, self.listener = polite, socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.start()

    def run(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path("site.pem"), path("site.key"))
        plain, _ = self.listener.accept()
        s = context.wrap_socket(plain, server_side=True)
        s.recv(1000)
        s.sendall(b"HTTP/1.0 200 OK\r\n\r\nhalf of it")
        if self.polite:
            s.unwrap()
        s.close()


polite, cut = Cut(True), Cut(False)
got = run(examples + "/tls_get", polite.address, "/", "ca.pem")
check("Python's ssl as the server", got.returncode == 0 and "half of it" in got.stdout, got.stderr)
got = run(examples + "/tls_get", cut.address, "/", "ca.pem")
check("a connection that is cut off is told", got.returncode != 0 and
      "what came may not be all" in got.stderr, got.stderr)

# https:// of the command: the playground with others' clients, fetch with others' servers.
hob = os.path.join(os.path.dirname(examples), "hob")
child, address = start(hob, "playground", "-l", "127.0.0.1:0", "--cert", "site.pem", "--key",
                       "site.key", ready="listening on https://(.*)")
if shutil.which("curl"):
    got = run("curl", "-sS", "--cacert", "ca.pem", "https://%s/get?a=b" % address)
    check("curl and the playground", '"url": "https://' in got.stdout, got.stdout + got.stderr)
    got = run("curl", "-sS", "--http1.0", "--cacert", "ca.pem", "https://%s/get?a=b" % address)
    check("the same by HTTP/1.0", '"url": "https://' in got.stdout, got.stdout + got.stderr)
trust = ssl.create_default_context(cafile=path("ca.pem"))
with urllib.request.urlopen("https://%s/bytes/1000000" % address, context=trust) as answer:
    check("Python's urllib and the playground", len(answer.read()) == 1000000)
got = run(hob, "fetch", "--cacert", "ca.pem", *["https://%s/status/204" % address] * 20)
check("fetch and the playground", got.stdout.count('"status": 204') == 20, got.stdout + got.stderr)
got = run(hob, "fetch", "https://%s/" % address)
check("fetch trusts nobody by itself", got.returncode == 60 and '"bad certificate"' in got.stdout and
      "CN=ca" in got.stderr, got.stdout + got.stderr)
got = run(hob, "fetch", "--insecure", "https://%s/get" % address)
check("fetch --insecure", got.returncode == 0 and '"status": 200' in got.stdout, got.stderr)
got = run(hob, "fetch", "--cacert", "nowhere.pem", "https://%s/get" % address)
check("fetch without its CAs", got.returncode == 2 and "nowhere.pem" in got.stderr, got.stderr)
stop(child)
port = free_port()
child = start("openssl", "s_server", "-accept", str(port), "-cert", "site.pem", "-key", "site.key",
              "-www", "-quiet")
await_port(port)
got = run(hob, "fetch", "--cacert", "ca.pem", *["https://127.0.0.1:%d/" % port] * 3)
check("fetch and openssl s_server", got.stdout.count('"status": 200') == 3, got.stdout + got.stderr)
stop(child)

nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
if nginx:
    port = free_port()
    with open(path("conf"), "w") as f:
        f.write("""daemon off; pid %s/pid; error_log /dev/null crit; events {} http { access_log off;
            client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d;
            scgi_temp_path e; server { listen 127.0.0.1:%d ssl; ssl_certificate %s/site.pem;
            ssl_certificate_key %s/site.key; return 200 "nginx was here"; } }"""
                % (folder, port, folder, folder))
    os.chmod(folder, 0o755)
    child = start(nginx, "-e", "/dev/null", "-p", folder, "-c", path("conf"))
    await_port(port)
    got = run(examples + "/tls_get", "127.0.0.1:%d" % port, "/", "ca.pem")
    fetched = run(hob, "fetch", "--cacert", "ca.pem", *["https://127.0.0.1:%d/" % port] * 50)
    check("fetch and nginx", fetched.stdout.count('"bytes": 14') == 50, fetched.stderr)
    check("nginx", got.returncode == 0 and "nginx was here" in got.stdout, got.stdout + got.stderr)
    child.terminate()
    child.communicate()

shutil.rmtree(folder)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
PYTHON
