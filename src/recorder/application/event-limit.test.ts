import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME_HEADER_BYTES } from '../../segment/frame.js';
import { KIB, MIB } from '../../units.js';
import type { WalOptions } from '../threads/wal-options.js';
import { batchTooLarge, eventTooLarge, largestBatchBytes } from './event-limit.js';
import { resolveOptions } from './options.js';

const LOGS: readonly WalOptions[] = [
  {},
  { ringBytes: 64 * KIB },
  { segmentBytes: 64 * KIB },
  { ringBytes: 128 * KIB, segmentBytes: 128 * KIB },
  { maxEventBytes: 5 },
  { ringBytes: 64 * KIB, maxEventBytes: 1_000 },
  { ringBytes: 64 * MIB, maxEventBytes: 8 * MIB },
];

/** The options that a message advises. */
function advised(message: string): WalOptions | undefined {
  const advice = /open the log with (.*) or more\.$/.exec(message)?.[1];
  if (advice === undefined) return undefined;
  return Object.fromEntries(
    advice.split(', ').map((each) => {
      const [name = '', value = ''] = each.split(' ');
      return [name, Number(value)];
    }),
  );
}

test('advice for an event that is too large works, and where none does it says so', () => {
  for (const log of LOGS) {
    const options = resolveOptions(log);
    const { maxEventBytes } = options;
    for (const bytes of [
      maxEventBytes + 1,
      maxEventBytes + 77,
      100_000,
      MIB - 88,
      MIB - 87,
      9 * MIB,
      64 * MIB,
      64 * MIB + 1,
      2 ** 31,
    ]) {
      if (bytes <= maxEventBytes) continue;
      const { message } = eventTooLarge(bytes, options);
      assert.ok(message.includes(`at most ${maxEventBytes}.`), message);
      const advice = advised(message);
      if (bytes > 64 * MIB) assert.match(message, /No options allow more than 67108864 bytes/);
      else assert.ok(resolveOptions({ ...log, ...advice }).maxEventBytes >= bytes, message);
      assert.equal(advice === undefined, bytes > 64 * MIB);
    }
  }
});

test('advice for a batch that is too large works as well', () => {
  for (const log of LOGS) {
    const options = resolveOptions(log);
    const limit = largestBatchBytes(options);
    for (const span of [limit + 8, limit + 80, MIB - 64, MIB - 56, 64 * MIB + 24, 64 * MIB + 32]) {
      if (span <= limit) continue;
      const { message } = batchTooLarge(span, options);
      const advice = advised(message);
      if (span - FRAME_HEADER_BYTES > 64 * MIB) assert.equal(advice, undefined);
      else assert.ok(largestBatchBytes(resolveOptions({ ...log, ...advice })) >= span, message);
    }
  }
});
