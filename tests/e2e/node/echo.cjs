// SPDX-License-Identifier: MIT
// echo [OPTIONS]: a server of `ws` that sends each message back, on a port of the kernel's choice, with these options of
// its own as JSON. Prints {"port": PORT} once it listens.
'use strict';
const { WebSocketServer } = require('ws');

const options = JSON.parse(process.argv[2] || '{}');
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...options });
server.on('connection', (socket) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.on('error', () => {}); // what the peer did wrong; `ws` closes
});
server.on('listening', () => console.log(JSON.stringify({ port: server.address().port })));
