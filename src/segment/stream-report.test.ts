import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDefect } from './defect.js';
import {
  decodeStreamReport,
  encodeStreamReport,
  reportOffset,
  STREAM_REPORT_BYTES,
  type StreamReport,
} from './stream-report.js';

const REPORT: StreamReport = {
  sequence: 7,
  logId: 0x0123_4567_89ab_cdefn,
  ownerLogId: 0xfedc_ba98_7654_3210n,
  epoch: 3,
  confirmedEventId: 500,
  timestampNs: 1_700_000_000_000_000_000n,
  metricsLayout: 42,
  metrics: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
};

function fileOf(...reports: readonly StreamReport[]): Uint8Array {
  const bytes = new Uint8Array(STREAM_REPORT_BYTES);
  for (const report of reports)
    bytes.set(encodeStreamReport(report), reportOffset(report.sequence));
  return bytes;
}

const defectOf = (bytes: Uint8Array): string | undefined => {
  const report = decodeStreamReport(bytes);
  return isDefect(report) ? report.defect : undefined;
};

describe('the report of a stream', () => {
  it('is read as it was written; of two slots the newer one counts', () => {
    assert.deepEqual(decodeStreamReport(fileOf(REPORT)), REPORT);
    const newer = { ...REPORT, sequence: 8, confirmedEventId: 501, metrics: new Uint8Array(0) };
    assert.deepEqual(decodeStreamReport(fileOf(REPORT, newer)), newer);
    const newest = { ...REPORT, sequence: 9 };
    assert.deepEqual(decodeStreamReport(fileOf(newer, newest)), newest);
  });

  it('stands on the other slot while one is torn, at whatever byte', () => {
    const newer = { ...REPORT, sequence: 8, confirmedEventId: 501 };
    const whole = encodeStreamReport(newer);
    for (let at = 0; at < whole.length; at++) {
      const bytes = fileOf(REPORT, newer);
      bytes[reportOffset(8) + at] = (bytes[reportOffset(8) + at] ?? 0) ^ 0x10;
      assert.deepEqual(decodeStreamReport(bytes), REPORT, `byte ${at}`);
    }
  });

  it('is a defect where there is none, and where it has another length', () => {
    assert.equal(defectOf(new Uint8Array(0)), 'zero');
    assert.equal(defectOf(new Uint8Array(STREAM_REPORT_BYTES)), 'zero');
    assert.equal(defectOf(fileOf(REPORT).subarray(1)), 'truncated');
    assert.equal(defectOf(Uint8Array.of(...fileOf(REPORT), 0)), 'field');
    assert.equal(defectOf(new Uint8Array(STREAM_REPORT_BYTES).fill(7)), 'checksum');
  });

  it('is none in the place of the other slot', () => {
    const bytes = new Uint8Array(STREAM_REPORT_BYTES);
    bytes.set(encodeStreamReport(REPORT), reportOffset(8));
    assert.equal(defectOf(bytes), 'checksum');
  });
});
