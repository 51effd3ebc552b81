// SPDX-License-Identifier: MIT
// node `ws` with a map from symbol to clients: what a reader of its tutorials builds. Lines "SYMBOL JSON" come from the
// feeder, its child: ws.cjs FEEDER FEEDER-CPU SOURCE. Prints the ready line that tapebench waits for.
const { spawn } = require("node:child_process");
const { WebSocketServer, WebSocket } = require("ws");

const [feeder, cpu, source] = process.argv.slice(2);
const after = process.env.READY_FILE ? ["--after", process.env.READY_FILE] : [];
const takers = new Map();

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 4096, perMessageDeflate: false });
server.on("connection", (socket, request) => {
  const symbols = (new URL(request.url, "http://x").searchParams.get("symbols") ?? "").split(",").filter(Boolean);
  for (const symbol of symbols) {
    if (!takers.has(symbol)) takers.set(symbol, new Set());
    takers.get(symbol).add(socket);
  }
  socket.on("error", () => {});
  socket.on("close", () => symbols.forEach((symbol) => takers.get(symbol).delete(socket)));
});

const publish = (line) => {
  const space = line.indexOf(" ");
  const json = line.slice(space + 1);
  for (const socket of takers.get(line.slice(0, space)) ?? [])
    if (socket.readyState === WebSocket.OPEN) socket.send(json);
};

server.on("listening", () => {
  const child = spawn("taskset", ["-c", cpu, feeder, "--source", source, "--to", "lines", ...after], { stdio: ["ignore", "pipe", "inherit"] });
  let rest = "";
  child.stdout.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    lines.forEach(publish);
  });
  process.on("SIGTERM", () => (child.kill(), process.exit(0)));
  console.log(`ws ready url=http://127.0.0.1:${server.address().port}/`);
});
