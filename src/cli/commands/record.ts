// `record`: one event per line. Lines go from the input's buffers straight into the ring; a full
// ring slows the reading down. However it ends, what was appended is kept, and the summary says how
// much that was.

import { type RecordedLines, Wal } from '../../index.js';
import type { OldRing, SyncMode } from '../arguments.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import type { FormatName } from '../formats/event-format.js';
import { createFormat } from '../formats/formats.js';
import { openInput, readInput } from '../input.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatEvents,
  formatRate,
} from '../quantities.js';
import { tellRecovery } from '../recovery-notice.js';
import { reportError } from '../report-error.js';

interface RecordOptions {
  /** A file, or `-` for stdin. */
  readonly input: string;
  readonly format: FormatName;
  readonly sync: SyncMode;
  readonly oldRing: OldRing;
  readonly json: boolean;
}

const SPACE_CHECK_MS = 250;

/** What was done before anything is. */
const NOTHING: RecordedLines = {
  events: 0,
  payloadBytes: 0,
  firstEventId: 0,
  lastEventId: 0,
  durableEventId: 0,
  isUnended: false,
  isInterrupted: false,
};

export async function record(
  dir: string,
  options: RecordOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  // Before the log is made: a mistyped file name must not leave an empty folder behind.
  const input = await openInput(options.input);
  const interruption = new Interruption();
  try {
    const wal = await Wal.open(dir, { sync: { mode: options.sync }, oldRing: options.oldRing });
    tellRecovery(terminal, wal.recovery);
    const startedMs = performance.now();
    const secondsNow = (): number => (performance.now() - startedMs) / 1000;
    let recorded = NOTHING;
    const showProgress = (): void =>
      terminal.progress(
        () =>
          `${formatEvents(recorded.events)}  ${formatBytes(recorded.payloadBytes)}  ` +
          `${formatRate(recorded.events / secondsNow())}  ` +
          `durable ${formatCount(wal.durableEventId)}`,
      );
    const failures: unknown[] = [];
    let toldNoSpace = false;
    // While the input is silent, or waits, only this notices that the disk is full.
    const health = setInterval(() => {
      showProgress();
      if (wal.state === 'no-space' && !toldNoSpace) {
        toldNoSpace = true;
        terminal.line(
          'the disk is full: waiting for space (Ctrl-C stops, and keeps what was read)',
        );
      }
    }, SPACE_CHECK_MS);
    const { signal } = interruption;
    const format = createFormat(options.format);
    try {
      await wal.recordLines(readInput(input, signal), {
        name: input.name,
        event: format.event,
        encode: (line) => format.encode(line, 0, line.length),
        signal,
        onProgress: (progress) => {
          recorded = progress;
          showProgress();
        },
      });
    } catch (error) {
      failures.push(wal.failure ?? error);
    }
    if (recorded.isUnended) {
      terminal.line('the last line does not end with \\n; replay will add one');
    }
    // When the last event was on disk: closing the log takes its own time.
    const seconds = secondsNow();
    try {
      await wal.close();
    } catch (error) {
      if (failures.length === 0) failures.push(error);
    }
    clearInterval(health);
    const done = { recorded, seconds, isInterrupted: interruption.happened };
    await summarize(done, wal, options, { stdout, terminal });
    for (const failure of failures) reportError(terminal, failure);
    return interruption.exitCode ?? (failures.length === 0 ? EXIT.done : EXIT.failed);
  } finally {
    input.stream.destroy();
    interruption.dispose();
  }
}

interface Done {
  readonly recorded: RecordedLines;
  readonly seconds: number;
  readonly isInterrupted: boolean;
}

async function summarize(
  { recorded, seconds, isInterrupted: interrupted }: Done,
  wal: Wal,
  options: RecordOptions,
  { stdout, terminal }: CommandContext,
): Promise<void> {
  const { events, firstEventId, payloadBytes } = recorded;
  const eventsPerSecond = seconds > 0 ? Math.round(events / seconds) : 0;
  const { durableEventId } = wal;
  const lastEventId = events === 0 ? wal.lastEventId : recorded.lastEventId;
  terminal.line(
    `recorded ${formatEvents(events)} (${formatBytes(payloadBytes)}) in ` +
      `${formatDuration(seconds)}, ${formatRate(events / seconds)}` +
      (events === 0 ? '' : `; ids ${formatCount(firstEventId)} to ${formatCount(lastEventId)}`) +
      `; durable up to ${formatCount(durableEventId)}${interrupted ? '; stopped early' : ''}`,
  );
  if (durableEventId < lastEventId) {
    const waiting = formatEvents(lastEventId - durableEventId);
    terminal.line(
      wal.capabilities.sharedMemory === 'mapped'
        ? `${waiting} not on disk yet: in shared memory, which the next open writes to disk`
        : `${waiting} could not be written to disk`,
    );
  }
  if (!options.json) return;
  const report = { events, payloadBytes, seconds, eventsPerSecond, firstEventId, lastEventId };
  await writeLines(stdout, formatJson({ ...report, durableEventId, interrupted }));
}
