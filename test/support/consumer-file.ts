// The file of a consumer, written beside a log that is built by hand.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  confirmationOffset,
  decodeConsumer,
  encodeConsumer,
  encodeSlot,
  slotOffset,
} from '../../src/segment/consumer-record.js';
import { isDefect } from '../../src/segment/defect.js';
import { consumerFileName } from '../../src/segment/file-names.js';

/** Two slots: `acknowledged`, and behind it `unconfirmed`, which a power cut may take back. */
export function writeConsumer(
  dir: string,
  logId: bigint,
  acknowledgedEventId: number,
  unconfirmed?: number,
): string {
  const slot = { timestampNs: 1n, maxLagBytes: 0, maxLagMs: 0, policy: 'hold' } as const;
  const header = { name: 'billing', logId, createdTsNs: 1n };
  const bytes = encodeConsumer(header, { ...slot, acknowledgedEventId });
  if (unconfirmed !== undefined) {
    const record = decodeConsumer(bytes);
    if (isDefect(record)) throw new TypeError(record.message);
    const newest = { ...slot, acknowledgedEventId: unconfirmed, sequence: 3 };
    bytes.set(encodeSlot(newest, record.seed), slotOffset(3));
    bytes.fill(0, confirmationOffset(3), confirmationOffset(3) + 16);
  }
  const path = join(dir, consumerFileName('billing'));
  writeFileSync(path, bytes);
  return path;
}
