// The load generator of our own, a process by itself: connections that each send the next request
// when the last is answered (closed loop), or, with a rate, requests on a schedule (open loop),
// whose latency counts from when each was due: what waits for a free connection has waited.
import { connect, type Socket } from 'node:net';
import { Latencies, type LatencySummary } from '../harness/latencies.js';

export interface LoadResult {
  readonly requests: number;
  readonly elapsedMs: number;
  readonly latency: LatencySummary;
  /** Open loop: requests that were due and not answered in time. */
  readonly unanswered: number;
}

const BODY_BYTES = 120;
const REQUEST = Buffer.from(
  'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n' +
    `Content-Length: ${BODY_BYTES}\r\n\r\n${'x'.repeat(BODY_BYTES)}`,
);
const HEAD_END = '\r\n\r\n';
const LENGTH = /content-length: (\d+)/i;

interface Connection {
  readonly socket: Socket;
  text: string;
  dueMs: number;
}

const [port, connectionCount, milliseconds, ratePerSecond] = process.argv.slice(2).map(Number);
const latencies = new Latencies();
const idle: Connection[] = [];
const endMs = performance.now() + (milliseconds ?? 0);
let requests = 0;
let failure: Error | undefined;

function send(connection: Connection, dueMs: number): void {
  connection.dueMs = dueMs;
  connection.socket.write(REQUEST);
}

/** True when a whole answer has come; what it says is checked. */
function isAnswered(connection: Connection): boolean {
  const { text } = connection;
  const head = text.indexOf(HEAD_END);
  if (head < 0) return false;
  const length = LENGTH.exec(text.slice(0, head));
  const end = head + HEAD_END.length + Number(length?.[1]);
  if (length === null || !text.startsWith('HTTP/1.1 200')) throw new Error(`answered: ${text}`);
  if (text.length < end) return false;
  if (!/^\{"id":\d+\}$/.test(text.slice(head + HEAD_END.length, end))) {
    throw new Error(`answered: ${text}`);
  }
  connection.text = text.slice(end);
  return true;
}

function opened(next: (connection: Connection) => void): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: port ?? 0, host: '127.0.0.1', noDelay: true });
    const connection: Connection = { socket, text: '', dueMs: 0 };
    socket.once('connect', () => resolve(connection));
    socket.once('error', reject);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      connection.text += chunk;
      if (!isAnswered(connection)) return;
      requests++;
      latencies.record((performance.now() - connection.dueMs) * 1e6);
      next(connection);
    });
  });
}

/** Each connection always has one request under way. */
async function closedLoop(count: number): Promise<number> {
  let running = count;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const next = (connection: Connection): void => {
    const nowMs = performance.now();
    if (nowMs < endMs) send(connection, nowMs);
    else if (--running === 0) finish();
  };
  const all = await Promise.all(Array.from({ length: count }, () => opened(next)));
  const startMs = performance.now();
  for (const connection of all) send(connection, performance.now());
  await finished;
  const elapsedMs = performance.now() - startMs;
  for (const { socket } of all) socket.destroy();
  return elapsedMs;
}

/** Requests become due on a schedule; one that finds no free connection waits, and that counts. */
async function openLoop(count: number, rate: number): Promise<[number, number]> {
  const waiting: number[] = [];
  const next = (connection: Connection): void => {
    const dueMs = waiting.shift();
    if (dueMs === undefined) idle.push(connection);
    else send(connection, dueMs);
  };
  const all = await Promise.all(Array.from({ length: count }, () => opened(next)));
  idle.push(...all);
  const startMs = performance.now();
  let due = 0;
  while (performance.now() < endMs) {
    const untilNow = ((performance.now() - startMs) * rate) / 1e3;
    for (; due < untilNow; due++) {
      const dueMs = startMs + (due * 1e3) / rate;
      const connection = idle.pop();
      if (connection === undefined) waiting.push(dueMs);
      else send(connection, dueMs);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const elapsedMs = performance.now() - startMs;
  const unanswered = due - requests;
  // What still waits is charged with the time that it has waited so far.
  for (const dueMs of waiting) latencies.record((performance.now() - dueMs) * 1e6);
  for (const { socket } of all) socket.destroy();
  return [elapsedMs, unanswered];
}

process.on('uncaughtException', (error) => {
  failure = error;
  console.error(failure);
  process.exit(1);
});
const [elapsedMs, unanswered] =
  ratePerSecond === undefined
    ? [await closedLoop(connectionCount ?? 1), 0]
    : await openLoop(connectionCount ?? 1, ratePerSecond);
const result: LoadResult = { requests, elapsedMs, latency: latencies.summary(), unanswered };
process.stdout.write(JSON.stringify(result));
