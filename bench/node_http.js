// node_http.js - the servers of http_* on node's own http, and of websocket_* on ws, as their users write
// them.
const http = require('http');
const server = http.createServer((req, res) => {
  if (req.url === '/json') {
    const text = JSON.stringify({message: 'Hello, world!', id: 1234567, tags: ['a', 'b', 'c'], ok: true});
    res.writeHead(200, {'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text)});
    res.end(text);
    return;
  }
  res.writeHead(200, {'Content-Type': 'text/plain', 'Content-Length': 13});
  res.end('Hello, world!');
});
try {
  const {WebSocketServer} = require('ws');
  const sockets = new WebSocketServer({server, path: '/ws', perMessageDeflate: false});
  sockets.on('connection', (ws) => ws.on('message', (data, binary) => ws.send(data, {binary})));
} catch (e) { /* without ws there are no WebSockets */ }
server.maxRequestsPerSocket = 0;
server.listen(0, '127.0.0.1', 4096, () => console.log('port ' + server.address().port));
