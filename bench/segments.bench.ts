// How long the writer waits for its next segment when one is ready, in a log that rolls often; and
// how often and how long it waits where segments go as fast as they come, by where files come from.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Wal, type WalOptions } from '../src/index.js';
import { scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import { ratioOf, type Sample, type Way } from './harness/turns.js';

const SEGMENT_BYTES = 2 ** 18;
const PAYLOAD = new Uint8Array(4000).fill(0x5a);
/** A segment is full after so many. */
const EVENTS_A_SEGMENT = 60;
const SEGMENTS = scaled(150);
const LOOK_MS = 5;
/** The first ones are taken while the log is still being opened. */
const UNCOUNTED = 4;
const WAY = 'one ready segment after another';

/** The preparer has made more segments than were taken: the next one need not be waited for. */
function hasReady({ telemetry }: Wal): boolean {
  const { preparedSegments, getNextSegmentReady, getNextSegmentWaited } = telemetry.segmentPreparer;
  return preparedSegments > getNextSegmentReady + getNextSegmentWaited;
}

let logs = 0;

async function rolls(folder: string): Promise<Sample> {
  const directory = join(folder, `log-${++logs}`);
  const wal = await Wal.open(directory, { segmentBytes: SEGMENT_BYTES, ringBytes: 2 ** 20 });
  let { getNextSegmentHistogram: atStart } = wal.telemetry.segmentPreparer;
  for (let segment = 0; segment < SEGMENTS + UNCOUNTED; segment++) {
    if (segment === UNCOUNTED) atStart = wal.telemetry.segmentPreparer.getNextSegmentHistogram;
    for (let event = 0; event < EVENTS_A_SEGMENT; event++) wal.append(PAYLOAD);
    await wal.durable();
    while (!hasReady(wal)) await delay(LOOK_MS);
  }
  const { getNextSegmentHistogram, getNextSegmentReady, getNextSegmentWaited } =
    wal.telemetry.segmentPreparer;
  await wal.close();
  rmSync(directory, { recursive: true });
  const counted = getNextSegmentHistogram.since(atStart);
  // One that had to be waited for takes longer than all that were ready: they are the first part.
  const share = 1 - Math.min(1, getNextSegmentWaited / counted.count);
  const at = (percent: number): number => counted.percentile(percent * share) / 1e3;
  return {
    values: {
      p50: at(50),
      p99: at(99),
      max: at(100),
      ready: getNextSegmentReady,
      waited: getNextSegmentWaited,
    },
  };
}

const PRESSED_BYTES = 4 * 2 ** 20;
const PRESSED_EVENTS = scaled(25_000);

/** Written without a pause, with as much removed as comes; what `preallocate` costs. */
async function pressed(
  folder: string,
  preallocate: NonNullable<WalOptions['preallocate']>,
): Promise<Sample> {
  const directory = join(folder, `log-${++logs}`);
  const segmentBytes = Math.max(SEGMENT_BYTES, scaled(PRESSED_BYTES));
  const retention = { bytes: 8 * segmentBytes };
  const sizes = { segmentBytes, ringBytes: 2 ** 20 };
  const wal = await Wal.open(directory, { ...sizes, retention, preallocate });
  const startMs = performance.now();
  for (let event = 0; event < PRESSED_EVENTS; event++) wal.append(PAYLOAD);
  await wal.durable();
  const seconds = (performance.now() - startMs) / 1e3;
  const { getNextSegment, getNextSegmentWaited, recycledSegments, hurriedSegments } =
    wal.telemetry.segmentPreparer;
  await wal.close();
  rmSync(directory, { recursive: true });
  return {
    values: {
      rate: (PRESSED_EVENTS * PAYLOAD.length) / 1e6 / seconds,
      waited: getNextSegmentWaited,
      ms: getNextSegment.totalNs / 1e6 / Math.max(1, getNextSegmentWaited),
      recycled: recycledSegments,
      hurried: hurriedSegments,
    },
  };
}

await benchmark('segments', (run) =>
  withFolder(async (folder) => {
    const columns = [
      ...['p50', 'p99', 'max'].map((name) => ({ name, unit: 'µs' as const })),
      ...['ready', 'waited'].map((name) => ({ name, unit: '' as const })),
    ];
    const ways: Way[] = [{ name: WAY, run: () => rolls(folder) }];
    const rows = await run.compare('getNextSegment', columns, ways);
    run.goal('ready', median(rows.get(WAY)?.values['p99'] ?? []));
    const pressedColumns = [
      { name: 'rate', unit: 'MB/s' },
      { name: 'waited', unit: '' },
      { name: 'ms', unit: 'ms' },
      { name: 'recycled', unit: '' },
      { name: 'hurried', unit: '' },
    ] as const;
    const pressedWays = (['zero', 'recycle', 'allocate'] as const).map(
      (preallocate): Way => ({ name: preallocate, run: () => pressed(folder, preallocate) }),
    );
    const title = 'written without a pause, as much removed; ms: of a wait';
    const pressedRows = await run.compare(title, pressedColumns, pressedWays, 'zero');
    run.goal('recycled', ratioOf(pressedRows.get('recycle'), pressedRows.get('zero'), 'rate'));
  }),
);
