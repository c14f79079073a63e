"""crawl_site.py FILE PAGES [PORT] - a site for `hob crawl`, on 127.0.0.1: writes its port to FILE.
/hits tells how often each path was asked for."""
import gzip
import http.server
import json
import os
import sys
import time

PAGES = int(sys.argv[2])
SITEMAP = (b'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
           b' xmlns:i="urn:i"><url><loc> http://%s/only-in-sitemap </loc><i:loc>/not-this</i:loc>'
           b'</url></urlset>')
INDEX = b'<sitemapindex><sitemap><loc>/sitemap-1.xml.gz</loc></sitemap></sitemapindex>'
ROBOTS = """# a comment
User-agent: other
Disallow: /

User-agent: *
Disallow: /for-nobody

User-agent: HOB/1.0
Disallow: /private
Allow: /private/open$
Sitemap: /index.xml
"""
START = """<!doctype html><html><head><title>
 The   start </title></head><body>%s
<a href="/private/x">no</a> <a href="private/open">yes</a> <a href="/for-nobody">yes, to us</a>
<a href=/gone>1</a> <a href="/moved">2</a> <a href="//elsewhere.invalid/">3</a>
<a href="/picture">4</a> <a href="/cut">5</a> <a href="/busy">6</a> <a href="/based/">7</a>
<a rel="external nofollow" href="/never">8</a> <a href="mailto:x@y">9</a> <a href="#top">10</a>
<a href="/meta">11</a> <a href="/deep">12</a> <a href="/latin">13</a> <a href="/large">14</a>
"""
hits = {}


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def answer(self, status, body, kind="text/html", **headers):
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path
        hits[path] = hits.get(path, 0) + 1
        if path == "/robots.txt":
            self.answer(200, ROBOTS, "text/plain")
        elif path == "/index.xml":
            self.answer(200, INDEX, "application/xml")
        elif path == "/sitemap-1.xml.gz":
            self.answer(200, gzip.compress(SITEMAP % self.headers["Host"].encode()))
        elif path == "/":
            self.answer(200, START % "".join(f'<a href="/page/{i}">' for i in range(PAGES)))
        elif path.startswith("/page/"):
            i = int(path[6:].split("?")[0])
            time.sleep(0.005)
            self.answer(200, f"<title>Page {i}</title><a href='/page/{i * 7 % PAGES}'>"
                             f"<a href='./{i}?q#f'><a href='HTTP://{self.headers['Host']}/page/{i}'>")
        elif path == "/moved":
            self.answer(301, "", Location="/target")
        elif path == "/picture":
            self.answer(200, b"x" * 1000, "image/png")
        elif path == "/busy":
            self.answer(200 if hits[path] > 1 else 503, "<title>at last</title>", Retry_After="1")
        elif path == "/based/":
            self.answer(200, "<base href='/base/dir/'><a href='below'>")
        elif path == "/meta":
            self.answer(200, "<meta name=ROBOTS content='noindex, nofollow'><a href='/never'>")
        elif path == "/latin":
            self.answer(200, "<title>Zürich</title>".encode("latin-1"), "text/html; charset=ISO-8859-1")
        elif path == "/deep":
            self.answer(200, "<div>" * 10000 + "<a href=/from-the-deep>")
        elif path == "/hostile":
            self.answer(200, "<a href=/bomb><a href=/endless-nest>")
        elif path == "/bomb":  # each paragraph opens what was open in the last one
            self.answer(200, "<p>" + "".join(f"<b id={i}>" for i in range(500)) + "<p>x" * 100000)
        elif path == "/endless-nest":
            self.answer(200, "<div>" * 150000)
        elif path == "/large":
            self.answer(200, "<p>" * 1000000)
        elif path == "/cut":
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"abc")
            self.close_connection = True
        elif path.startswith("/later/"):  # what fails the first time
            *_, run, how = path.split("/")
            good = "<title>later</title>"
            if not how:
                self.answer(200, "".join(f"<a href='/later/{run}/{h}'>" for h in
                                         ("500", "503", "429", "404", "cut", "slow")))
            elif hits[path] > 1 and how != "404":
                self.answer(200, good)
            elif how == "slow":
                time.sleep(20)
            elif how == "cut":
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", "100")
                self.end_headers()
                self.close_connection = True
            else:
                self.answer(int(how), good)
        elif path.startswith("/directory/"):
            self.answer(200, "".join(f"<a href=//{i}{path[11:]}.invalid/>" for i in range(10000)))
        elif path.startswith("/abroad/"):  # the same site by its other name
            self.answer(200, f"<a href='http://localhost:{server.server_port}/far'>"
                             f"<a href='http://127.0.0.1:{server.server_port}/near'>")
        elif path == "/hits":
            self.answer(200, json.dumps(hits), "application/json")
        elif path == "/gone":
            self.answer(404, "<title>gone</title>")
        else:
            self.answer(200, "<title>fine</title>")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 200


server = Server(("127.0.0.1", int(sys.argv[3]) if len(sys.argv) > 3 else 0), Site)
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
