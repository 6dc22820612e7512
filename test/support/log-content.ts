// What a log holds, as its readers tell it, against what was appended.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type LoggedEvent, replay, verify, type Wal, type WalError } from '../../src/index.js';
import { isDefect } from '../../src/segment/defect.js';
import { META_FILE } from '../../src/segment/file-names.js';
import { decodeMeta } from '../../src/segment/wal-meta.js';
import { payloadOf, typeOf } from '../crash/payloads.js';

export { payloadOf, typeOf } from '../crash/payloads.js';

/** Appends `count` events whose content follows from their ids; returns the last id. */
export function appendEvents(wal: Wal, count: number): number {
  for (let left = count; left > 0; left--) {
    const id = wal.lastEventId + 1;
    assert.equal(wal.append(payloadOf(id), typeOf(id)), id);
  }
  return wal.lastEventId;
}

export const contentOf = (directory: string): LoggedEvent[] => [...replay(directory)];

/** The log holds the events 1 … `last` of `appendEvents`, byte for byte, and nothing else. */
export function assertHoldsEvents(directory: string, last: number): void {
  let expected = 1;
  for (const { eventId, type, payload } of replay(directory)) {
    assert.equal(eventId, expected);
    assert.equal(type, typeOf(expected));
    assert.deepEqual(Buffer.from(payload), Buffer.from(payloadOf(expected)));
    expected++;
  }
  assert.equal(expected - 1, last, 'the last event');
}

export async function assertSound(directory: string): Promise<void> {
  const { ok, problems } = await verify(directory);
  assert.deepEqual(problems, []);
  assert.ok(ok);
}

/** The durable id that wal.meta tells, which an idle log brings up to date. */
export function durableInMeta(directory: string): number {
  const meta = decodeMeta(readFileSync(join(directory, META_FILE)));
  assert.ok(!isDefect(meta), 'wal.meta is whole at any time');
  return meta.durableEventId;
}

export const segmentFiles = (directory: string): string[] =>
  readdirSync(directory).filter((name) => name.endsWith('.wal'));

export const preparedFiles = (directory: string): string[] =>
  readdirSync(directory).filter((name) => name.startsWith('prepared-'));

/** A check for assert.throws and assert.rejects: the code, and a message that says something. */
export const code =
  (expected: string, message = /./) =>
  (error: unknown): true => {
    const { name, code: actual, message: text } = error as WalError;
    assert.equal(actual, expected, String(error));
    assert.equal(name, 'WalError');
    assert.match(text, message);
    return true;
  };

/** Closes a log whose failure is what the test is about; whether close rejects is not. */
export function closeAfter(context: TestContext, wal: Wal): void {
  context.after(() =>
    wal.close().catch((error: WalError) => context.diagnostic(`close: ${error.code}`)),
  );
}
