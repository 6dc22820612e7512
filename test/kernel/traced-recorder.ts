// A recorder whose system calls strace sees from the first one on, and makes fail or deadly: only
// those on files of the log, by their names.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Wal, type WalOptions } from '../../src/index.js';
import {
  LOCK_FILE,
  META_FILE,
  META_TEMPORARY_FILE,
  preparedFileName,
  segmentFileName,
} from '../../src/segment/file-names.js';
import { Script } from '../support/child-script.js';
import { assertSound } from '../support/log-content.js';
import { onlyFiles } from '../support/strace.js';

/** Each batch takes half of a tiny segment: the log rolls twice. */
const BATCHES = 4;
const BATCH_EVENTS = 40;
const EVENT_BYTES = 300;
/** More than there can be. */
const SEGMENTS = 12;
const PREPARED = 30;

const payloadOf = (id: number): Buffer => Buffer.from(`event ${id} `.padEnd(EVENT_BYTES, '.'));

const RECORDER = `
const payloadOf = (id) => Buffer.from(('event ' + id + ' ').padEnd(${EVENT_BYTES}, '.'));
const outOfSpace = async (wal) => {
  for (let looks = 0; looks < 20; looks++) {
    await new Promise((resolve) => setTimeout(resolve, 10).unref());
    if (wal.state !== 'no-space') looks = 0;
  }
};
// A spare segment is what a close has to remove: without one, on a busy machine, it calls less.
const spare = async (wal) => {
  const { segmentPreparer: preparer } = wal.telemetry;
  const isThere = () =>
    preparer.preparedSegments > preparer.getNextSegmentReady + preparer.getNextSegmentWaited;
  const isDue = () => wal.state === 'open' && preparer.prepareSegment.failures === 0;
  for (let looks = 0; looks < 3_000 && isDue() && !isThere(); looks++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
try {
  const wal = await Wal.open(directory, options);
  tell('open ' + wal.lastEventId);
  try {
    for (let batch = 0; batch < ${BATCHES}; batch++) {
      for (let count = 0; count < ${BATCH_EVENTS}; count++) {
        wal.append(payloadOf(wal.lastEventId + 1));
      }
      tell('appended ' + wal.lastEventId);
      const durable = await Promise.race([wal.durable(), outOfSpace(wal)]);
      if (durable === undefined) break;
      tell('durable ' + durable);
    }
  } finally {
    tell('appended ' + wal.lastEventId);
    await spare(wal);
    await wal.close();
  }
  tell('closed');
} catch (error) {
  tell('refused ' + error.code + ' ' + error.message);
}
`;

export interface TracedRun {
  readonly signal: NodeJS.Signals | null;
  /** Whether the log could be opened. */
  readonly opened: boolean;
  /** Highest ids that the recorder told; 0 for none. */
  readonly appended: number;
  readonly durable: number;
  /** Code and message of what ended the run early; undefined where the log was closed in order. */
  readonly refusal: string | undefined;
  /** Traced calls, a line each. */
  readonly calls: readonly string[];
}

function pathsOf(directory: string): string[] {
  const names = [LOCK_FILE, META_FILE, META_TEMPORARY_FILE];
  for (let index = 1; index <= SEGMENTS; index++) names.push(segmentFileName(index));
  for (let ticket = 1; ticket <= PREPARED; ticket++) names.push(preparedFileName(ticket));
  return ['-P', directory, ...onlyFiles(directory, names)];
}

/**
 * Runs the recorder to its end, with `faults` (strace's `inject=` and `fault=` values) in place.
 */
export async function record(
  directory: string,
  options: WalOptions,
  calls: string,
  faults: readonly string[],
): Promise<TracedRun> {
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-strace-'));
  try {
    const output = join(folder, 'calls');
    const inject = faults.flatMap((fault) => ['-e', `inject=${fault}`]);
    // Without --seccomp-bpf, under which strace 6.1 does not count the calls of `when`.
    const trace = ['strace', '-f', '-qq', '-o', output, '-e', `trace=${calls}`];
    const under = [...trace, ...inject, ...pathsOf(directory)];
    const { code, signal, lines, stderr } = await Script.run(RECORDER, directory, options, {
      under,
    });
    assert.equal(stderr, '', 'the recorder complained');
    assert.ok(code === 0 || signal === 'SIGKILL', `the recorder ended with ${code ?? signal}`);
    const told = (word: string): string[] =>
      lines
        .filter((line) => line.startsWith(`${word} `))
        .map((line) => line.slice(word.length + 1));
    const highest = (word: string): number => Math.max(0, ...told(word).map(Number));
    const [refusal] = told('refused');
    assert.ok(signal !== null || refusal !== undefined || lines.includes('closed'), lines.join());
    return {
      signal,
      opened: told('open').length > 0,
      appended: highest('appended'),
      durable: highest('durable'),
      refusal,
      calls: readFileSync(output, 'utf8').split('\n').filter(Boolean),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Opens the log without a fault: every event that a recorder was told to be appended is there, byte
 * for byte, and the log works again. Returns how many there are.
 */
export async function assertNothingLost(
  directory: string,
  options: WalOptions,
  runs: readonly TracedRun[],
): Promise<number> {
  const told = Math.max(...runs.map(({ appended, durable }) => Math.max(appended, durable)));
  await using wal = await Wal.open(directory, options);
  assert.ok(wal.lastEventId >= told, `event ${told} was appended, the end is ${wal.lastEventId}`);
  assert.equal(wal.durableEventId, wal.lastEventId);
  wal.append(payloadOf(wal.lastEventId + 1));
  await wal.durable();
  let expected = 1;
  for (const { eventId, payload } of wal.replay()) {
    assert.equal(eventId, expected);
    assert.deepEqual(Buffer.from(payload), payloadOf(expected));
    expected++;
  }
  assert.equal(expected - 1, wal.lastEventId);
  await assertSound(directory);
  return wal.lastEventId;
}
