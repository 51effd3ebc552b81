// SPDX-License-Identifier: MIT
// crowd URL COUNT SYMBOLS json|msgpack: holds COUNT subscribers and prints {"subscribed": COUNT} once all are. When
// all are closed, by the server or by the word `leave` on standard input, prints one line that sums up how it went.
// Each subscriber keeps account of its own ticks: per symbol, seq and gaps must be contiguous.
'use strict';
const WebSocket = require('ws');
const { decode, encode } = require('@msgpack/msgpack');

const [url, countText, symbols, form] = process.argv.slice(2);
const count = Number(countText);
const IN_FLIGHT_MAX = 64;
const HOLES_MAX = 10;

const sum = { closed: {}, shutdown: 0, trades: 0, lost: 0, holes: [], errors: [] };
const sockets = [];
let opened = 0;
let subscribed = 0;
let closed = 0;

function account(next, symbol, from, to, opens) {
  const expected = opens ? from : next.get(symbol);
  if (expected !== undefined && expected !== from && sum.holes.length < HOLES_MAX)
    sum.holes.push({ symbol, expected, from });
  next.set(symbol, to + 1);
}

function take(next, message) {
  const array = Array.isArray(message);
  const kind = array ? { 1: 'trade', 2: 'snapshot' }[message[0]] : message.type;
  if (kind === 'trade' || kind === 'snapshot') {
    const symbol = array ? message[1] : message.symbol;
    const seq = array ? message[2] : message.seq;
    account(next, symbol, seq, seq, kind === 'snapshot');
    if (kind === 'trade') sum.trades++;
  } else if (kind === 'gap') {
    account(next, message.symbol, message.from, message.to, false);
    sum.lost += message.count;
  } else if (kind === 'shutdown') {
    sum.shutdown++;
  } else if (kind === 'subscribed' && ++subscribed === count) {
    console.log(JSON.stringify({ subscribed }));
  }
}

function open() {
  if (opened === count) return;
  opened++;
  const next = new Map();
  let waiting = true;
  const socket = new WebSocket(url, [`tapehead.${form}`], { perMessageDeflate: false });
  const command = { op: 'subscribe', symbols: symbols.split(',') };
  sockets.push(socket);
  socket.on('open', () => {
    waiting = false;
    socket.send(form === 'msgpack' ? encode(command) : JSON.stringify(command));
    open();
  });
  socket.on('message', (data, binary) => take(next, binary ? decode(data) : JSON.parse(data.toString())));
  socket.on('error', (error) => sum.errors.length < HOLES_MAX && sum.errors.push(String(error)));
  socket.on('close', (code) => {
    sum.closed[code] = (sum.closed[code] || 0) + 1;
    if (waiting) open();
    if (++closed === count) {
      console.log(JSON.stringify(sum));
      process.stdin.destroy();
    }
  });
}

for (let i = 0; i < IN_FLIGHT_MAX; i++) open();
process.stdin.on('data', (data) => {
  if (data.toString().trim() === 'leave') for (const socket of sockets) socket.close(1000);
});
