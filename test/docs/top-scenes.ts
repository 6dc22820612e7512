// What docs/TOP.md shows: a log that is well, and one in each kind of trouble. The looks are at a
// log that there is not; what a screen makes of them is real.
import { consumer, FakeLog, NOTHING_LASTS } from '../../src/cli/diagnosis/fake-look.js';
import type { Look } from '../../src/cli/diagnosis/look.js';
import { renderScreen } from '../../src/cli/top/screen.js';
import type { Painters } from '../../src/cli/top/text-line.js';

export interface Scene {
  readonly name: string;
  /** How it comes about, and what to see. */
  readonly text: string;
  readonly before: Look;
  readonly now: Look;
}

const nothing = (): void => undefined;

/** A second under load, then one in which `happen` happens. */
function scene(
  name: string,
  text: string,
  changes: Partial<Look> = {},
  happen: (log: FakeLog) => void = nothing,
): Scene {
  const log = new FakeLog();
  log.recordSecond();
  const before = log.look();
  happen(log);
  return { name, text, before, now: log.look(changes) };
}

const beat = (ageNs: number) => ({ beats: 9, ageNs });
const hearts = (ages: Partial<Record<keyof Look['threads'], number>>): Look['threads'] => ({
  writer: beat(ages.writer ?? 3e6),
  preparer: beat(ages.preparer ?? 412e6),
  housekeeping: beat(ages.housekeeping ?? 306e6),
  application: beat(ages.application ?? 120e6),
  maintainer: { beats: 0, ageNs: undefined },
});
const lasting = (waits: Partial<Look['lasting']>): Look['lasting'] => ({
  ...NOTHING_LASTS,
  ...waits,
});
/** So many events are not durable; those that are not written are in the ring. */
const behind = (
  events: number,
  unwritten: number,
  waitingBytes: number,
): Pick<Look, 'appendedEventId' | 'writtenEventId' | 'durableEventId' | 'waitingBytes'> => ({
  appendedEventId: 1_234_567,
  writtenEventId: 1_234_567 - unwritten,
  durableEventId: 1_234_567 - events,
  waitingBytes,
});

const well = (log: FakeLog): void => log.recordSecond();

export const WELL = scene('A log that is well', '', behind(12_300, 1_100, 70_400), (log) => {
  log.recordSecond();
  log.writer.setUnsynced(11_200, 716_800, 1, 1);
});
const lagging = { lasting: lasting({ durableLagNs: 2.1e6, unsyncedNs: 1.9e6 }) };

export const HEALTHY: Scene = { ...WELL, now: { ...WELL.now, ...lagging } };

export const TROUBLES: readonly Scene[] = [
  scene(
    'The writer thread is stuck',
    'In a write, here for 3.2 s: what is appended stays in the ring. The same with a sync.',
    {
      ...behind(3060, 3060, 195_840),
      threads: hearts({ writer: 3.2e9 }),
      lasting: lasting({ durableLagNs: 3.2e9, durableWaitNs: 3.1e9 }),
    },
  ),
  scene(
    'The writer thread is at another log',
    'Which it serves as well, and whose disk hangs: this one is well, and waits.',
    {
      ...behind(3060, 3060, 195_840),
      threads: {
        ...hearts({}),
        writer: {
          ...beat(3.2e9),
          elsewhere: { logId: '00000000000000ab', ageNs: 3.1e9 },
        },
      },
      folders: { '00000000000000ab': '/slow/quotes' },
      lasting: lasting({ durableLagNs: 3.2e9, durableWaitNs: 3.1e9 }),
    },
  ),
  scene(
    'An append is blocked',
    'The ring is full behind a writer thread that is stuck. The append blocks the event loop too.',
    {
      ...behind(262_144, 250_000, 16_777_152),
      threads: hearts({ writer: 4.1e9, application: 3.9e9 }),
      lasting: lasting({ ringStallNs: 3.9e9, durableLagNs: 4.1e9 }),
    },
    (log) => log.manager.setRingStall(1, 16_777_152),
  ),
  scene(
    'The process is stopped',
    'With `kill -STOP`, by a debugger, or as a frozen container: all hearts stand still.',
    {
      ...behind(120, 120, 7_680),
      threads: hearts({ writer: 42e9, preparer: 42e9, housekeeping: 42e9, application: 42e9 }),
      lasting: lasting({ durableLagNs: 42e9 }),
    },
  ),
  scene(
    'The event loop is blocked',
    'By the application itself. The log is well; nothing that awaits `durable()` hears of it.',
    { threads: hearts({ application: 6.4e9 }) },
  ),
  scene(
    'The disk is full',
    'The ring took what it could; now appends are refused.',
    {
      state: 'no-space',
      ...behind(124, 124, 16_600_000),
      lasting: lasting({ durableLagNs: 8.8e9, durableWaitNs: 8.7e9, nextSegmentNs: 8.8e9 }),
    },
    (log) => {
      log.took(260_000, (startNs) => log.manager.onAppendEvent(startNs, false), 40);
    },
  ),
  scene(
    'A stream is not there',
    'Its servers are down, or have no quorum. Appends go on; the log keeps what the stream lacks.',
    { lasting: lasting({ replicationLagNs: 42e9, engineWaitNs: 41e9 }) },
    (log) => {
      log.recordSecond();
      log.replicatedUpTo(1_030_000);
    },
  ),
  scene(
    'Another log has taken over the stream',
    'The log was replicated, and the stream is that of another one now: what is appended here no ' +
      'stream would have.',
    { state: 'fenced' },
    (log) => {
      log.recordSecond();
      log.took(1_000, (startNs) => log.manager.onAppendEvent(startNs, false), 12);
    },
  ),
  scene('The disk is nearly full', 'And will be before long, at this rate.', {}, (log) => {
    log.recordSecond();
    log.disk.setDiskFree(9e9);
  }),
  scene(
    'A consumer holds the log',
    'It has stopped reading: what retention would remove is kept for it, and the log grows.',
    {
      threads: { ...hearts({}), maintainer: beat(640e6) },
      consumers: [consumer('audit', 12), consumer('billing', 903_000)],
    },
    (log) => {
      log.recordSecond();
      log.manager.setHotSegments(5);
      log.manager.setColdSegments(23);
      log.maintainer.onCompressed(1_493_000_000, 412_000_000);
      log.maintainer.setHeld(331_568);
      log.consumers.setConsumers(2, 0, 0);
      log.consumers.setLag(903_000, 57_792_000, 7200e9);
    },
  ),
  scene(
    'The log has failed',
    'A sync returned an error. What was durable stays so; nothing is accepted any more.',
    {
      state: 'failed',
      ...behind(512, 512, 32_768),
      threads: hearts({ writer: 9e9, preparer: 9e9 }),
      lasting: lasting({ durableLagNs: 9e9 }),
    },
    (log) => log.took(900, (startNs) => log.manager.onAppendEvent(startNs, false), 7),
  ),
  scene(
    'The disk is slow for this load',
    'Appends waited for room in the ring, and go on.',
    { ...behind(230_000, 215_000, 13_800_000), lasting: lasting({ durableLagNs: 910e6 }) },
    (log) => {
      log.recordSecond();
      const waited = (startNs: number): void => {
        log.manager.onRingStall(startNs);
        log.manager.onLongAppend(startNs);
      };
      log.took(170e6, waited, 2);
      log.took(640e6, (startNs) => log.writer.onSync(startNs));
      log.took(90e6, (startNs) => log.taker.onGetNextSegment(startNs, 'waited', 0));
      log.preparation.onOffer(true);
    },
  ),
  scene(
    'The process was killed',
    'With `kill -9`, or it crashed. Its last figures are in the memory that it left.',
    {
      status: 'dead',
      ...behind(18_426, 4_096, 1_180_000),
      threads: hearts({ writer: 60e9, preparer: 60e9, housekeeping: 60e9, application: 60e9 }),
    },
    well,
  ),
  scene(
    'The log was closed',
    'While `top` looked at it.',
    { status: 'gone', state: 'closed' },
    well,
  ),
];

export const FOOTER = 'q quits   a shows everything since it was opened';

export const shown = (
  { before, now }: Scene,
  columns: number,
  rows = 24,
  painters?: Painters,
): string[] =>
  renderScreen(before, now, {
    columns,
    rows,
    footer: FOOTER,
    ...(painters === undefined ? {} : { painters }),
  });
