// SPDX-License-Identifier: MIT
// visit URL json|msgpack COUNT: offers permessage-deflate, subscribes to all by a deflated command, pings, closes with 1000
// after COUNT messages, and prints one line: {"messages": [as base64, …], "extensions": "…", "pong": true, "code": 1000}.
'use strict';
const WebSocket = require('ws');
const { encode } = require('@msgpack/msgpack');

const [url, form, count] = process.argv.slice(2);
const visit = { messages: [], extensions: '', pong: false, code: 0 };
const command = { op: 'subscribe', symbols: ['*'] };
const socket = new WebSocket(url, [`tapehead.${form}`], {
  perMessageDeflate: { threshold: 0 },
  rejectUnauthorized: false,
});

socket.on('open', () => {
  visit.extensions = socket.extensions;
  socket.send(form === 'msgpack' ? encode(command) : JSON.stringify(command));
  socket.ping('here');
});
socket.on('pong', (data) => { visit.pong = data.toString() === 'here'; });
socket.on('message', (data, binary) => {
  if (binary !== (form === 'msgpack')) throw new Error(`a ${binary ? 'binary' : 'text'} frame on ${form}`);
  visit.messages.push(data.toString('base64'));
  if (visit.messages.length >= Number(count) && visit.pong) socket.close(1000);
});
socket.on('close', (code) => {
  visit.code = code;
  console.log(JSON.stringify(visit));
});
