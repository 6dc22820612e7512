// Open loop: appends on a schedule, while commits run without pause. The response time of an append
// counts from when it was due, so a stall is charged to every append that it kept waiting
// (otherwise the ones that were never made would be omitted); the service time from its start.
import type { Wal } from '../../src/index.js';
import { Latencies } from '../harness/latencies.js';

const PAYLOAD = new Uint8Array(40).fill(0x5a);
/**
 * Between two batches the event loop turns, so that durable() is asked for again; the schedule goes
 * on meanwhile.
 */
const BATCH = 10_000;

export interface PacedLatencies {
  readonly service: Latencies;
  readonly response: Latencies;
}

export async function paced(wal: Wal, events: number, rate: number): Promise<PacedLatencies> {
  const service = new Latencies();
  const response = new Latencies();
  const serviceNs = new Float64Array(Math.min(BATCH, events));
  const responseNs = new Float64Array(Math.min(BATCH, events));
  const ended = { is: false };
  const committing = commitWithoutPause(wal, ended);
  const intervalMs = 1e3 / rate;
  const startMs = performance.now();
  for (let done = 0; done < events; done += BATCH) {
    const count = Math.min(BATCH, events - done);
    appendOnSchedule(wal, count, startMs + done * intervalMs, intervalMs, serviceNs, responseNs);
    service.recordAll(serviceNs.subarray(0, count));
    response.recordAll(responseNs.subarray(0, count));
    await new Promise((resolve) => setImmediate(resolve));
  }
  ended.is = true;
  await committing;
  return { service, response };
}

function appendOnSchedule(
  wal: Wal,
  count: number,
  startMs: number,
  intervalMs: number,
  serviceNs: Float64Array,
  responseNs: Float64Array,
): void {
  for (let event = 0; event < count; event++) {
    const dueMs = startMs + event * intervalMs;
    let nowMs = performance.now();
    while (nowMs < dueMs) nowMs = performance.now();
    wal.append(PAYLOAD);
    const endMs = performance.now();
    serviceNs[event] = (endMs - nowMs) * 1e6;
    responseNs[event] = (endMs - dueMs) * 1e6;
  }
}

async function commitWithoutPause(wal: Wal, ended: { readonly is: boolean }): Promise<void> {
  while (!ended.is) {
    await wal.durable();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
