// node_http.js - the servers of http_* on node's own http and https, of http2_* on its http2, and of
// websocket_* on ws, as their users write them: node_http.js http|http2 FOLDER [CERTIFICATE KEY].
const fs = require('fs');
const [how, folder, cert, key] = process.argv.slice(2);

function sendFile(res, name) {
  const path = folder + '/' + name;
  fs.stat(path, (error, stat) => {
    if (error) {
      res.writeHead(404);
      res.end();
      return;
    }
    res.writeHead(200, {'Content-Type': 'application/octet-stream', 'Content-Length': stat.size});
    fs.createReadStream(path).on('error', () => res.destroy()).pipe(res);
  });
}

function answer(req, res) {
  if (req.url === '/json') {
    const text = JSON.stringify({message: 'Hello, world!', id: 1234567, tags: ['a', 'b', 'c'], ok: true});
    res.writeHead(200, {'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text)});
    res.end(text);
    return;
  }
  if (req.url.startsWith('/file/') && req.url.indexOf('/', 6) < 0) {
    sendFile(res, req.url.slice(6));
    return;
  }
  res.writeHead(200, {'Content-Type': 'text/plain', 'Content-Length': 13});
  res.end('Hello, world!');
}

const tls = cert && {cert: fs.readFileSync(cert), key: fs.readFileSync(key)};
const server = how === 'http2' ?
    (tls ? require('http2').createSecureServer(tls, answer) : require('http2').createServer(answer)) :
    (tls ? require('https').createServer(tls, answer) : require('http').createServer(answer));
if (how === 'http') {
  try {
    const {WebSocketServer} = require('ws');
    const sockets = new WebSocketServer({server, path: '/ws', perMessageDeflate: false});
    sockets.on('connection', (ws) => ws.on('message', (data, binary) => ws.send(data, {binary})));
  } catch (e) { /* without ws there are no WebSockets */ }
  server.maxRequestsPerSocket = 0;
}
server.listen(0, '127.0.0.1', 4096, () => console.log('port ' + server.address().port));
