// A log that is appended to without pause, until the last append returns, or until the kernel has
// the last event.
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Wal, type WalOptions } from '../../src/index.js';
import { logSizes } from '../harness/folder.js';

const PAYLOAD = new Uint8Array(40).fill(0x5a);

export interface Sustained {
  readonly appendedMs: number;
  readonly writtenMs: number;
  readonly lastEventId: number;
  /** How long the appending thread waited for room. */
  readonly stalledMs: number;
  /** What the log says of itself. */
  readonly story: string;
}

let logs = 0;

export async function sustained(
  folder: string,
  events: number,
  options: WalOptions,
): Promise<Sustained> {
  const directory = join(folder, `sustained-${++logs}`);
  const wal = await Wal.open(directory, { ...logSizes, ...options });
  const startMs = performance.now();
  for (let event = 0; event < events; event++) wal.append(PAYLOAD);
  const appendedMs = performance.now() - startMs;
  while (wal.writtenEventId < events) await new Promise((resolve) => setImmediate(resolve));
  const writtenMs = performance.now() - startMs;
  const story = storyOf(wal);
  const { lastEventId } = wal;
  const stalledMs = wal.telemetry.manager.ringStall.totalNs / 1e6;
  await wal.close();
  const bytes = readdirSync(directory)
    .filter((name) => name.endsWith('.wal'))
    .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  if (bytes < events * PAYLOAD.length) throw new Error(`${events} events take ${bytes} bytes`);
  rmSync(directory, { recursive: true });
  return { appendedMs, writtenMs, lastEventId, stalledMs, story };
}

function storyOf({ telemetry }: Wal): string {
  const { ringStall } = telemetry.manager;
  const { getNextSegmentWaited, hurriedSegments, preparedSegments } = telemetry.segmentPreparer;
  return (
    `${ringStall.samples} ring stalls, ${(ringStall.totalNs / 1e6).toFixed(0)} ms; the writer ` +
    `waited ${getNextSegmentWaited} times for a segment; ${hurriedSegments} of ` +
    `${preparedSegments} segments were hurried`
  );
}
