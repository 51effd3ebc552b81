// SPDX-License-Identifier: MIT
// listen URL json|msgpack COUNT SYMBOLS: subscribes, prints every message as one line of JSON, and ends after COUNT
// trades (received or named by a gap). Integers keep all their digits.
'use strict';
const WebSocket = require('ws');
const { decode, encode } = require('@msgpack/msgpack');

const [url, form, count, symbols] = process.argv.slice(2);
let left = Number(count);

function text(value) {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(text).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${text(item)}`).join(',')}}`;
}

function weight(message) {
  const kind = Array.isArray(message) ? Number(message[0]) : message.type;
  if (kind === 'gap') return Number(message.count);
  return kind === 'trade' || kind === 1 ? 1 : 0;
}

const socket = new WebSocket(url, [`tapehead.${form}`], { perMessageDeflate: false });
const command = { op: 'subscribe', id: 1, symbols: symbols.split(',') };
socket.on('open', () => socket.send(form === 'msgpack' ? encode(command) : JSON.stringify(command)));
socket.on('message', (data, binary) => {
  if (binary !== (form === 'msgpack')) throw new Error(`a ${binary ? 'binary' : 'text'} frame on ${form}`);
  const message = binary ? decode(data, { useBigInt64: true }) : JSON.parse(data.toString());
  process.stdout.write((binary ? text(message) : data.toString()) + '\n');
  left -= weight(message);
  if (left <= 0) socket.close(1000);
});
socket.on('error', (error) => { console.error(error); process.exitCode = 1; });
