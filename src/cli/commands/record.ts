// `record`: one event per line. Lines go from the input's buffers straight into the ring; a full
// ring slows the reading down. However it ends, what was appended is kept, and the summary says how
// much that was.

import { WalError } from '../../errors.js';
import { Wal } from '../../index.js';
import { MIB } from '../../units.js';
import type { OldRing, SyncMode } from '../arguments.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { type EventFormat, FormatDefect, type FormatName } from '../formats/event-format.js';
import { createFormat } from '../formats/formats.js';
import { type Input, openInput, readInput } from '../input.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { LineSplitter, LineTooLong } from '../line-splitter.js';
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

/** No block, and so no event, is larger: a longer line is refused before it is in memory whole. */
const LINE_BYTES_MAX = MIB;
const HEALTH_CHECK_MS = 250;

/** The way of the input into the log, with everything counted. */
class Recording {
  readonly #wal: Wal;
  readonly #format: EventFormat;
  readonly #input: Input;
  readonly #splitter: LineSplitter;
  readonly startedMs = performance.now();
  /** When the last event was on disk; closing the log takes its own time. */
  endedMs = 0;
  firstEventId = 0;
  events = 0;
  payloadBytes = 0;

  constructor(wal: Wal, format: EventFormat, input: Input) {
    this.#wal = wal;
    this.#format = format;
    this.#input = input;
    this.#splitter = new LineSplitter(LINE_BYTES_MAX, this.#append);
  }

  readonly #append = (bytes: Buffer, start: number, end: number): void => {
    const payload = this.#format.encode(bytes, start, end);
    const eventId = this.#wal.append(payload);
    if (this.events === 0) this.firstEventId = eventId;
    this.events += 1;
    this.payloadBytes += payload.length;
  };

  /** Resolves to whether the last line lacked its `\n`. @throws WalError naming the line */
  async run(signal: AbortSignal, onChunk: () => void): Promise<boolean> {
    for await (const chunk of readInput(this.#input, signal)) {
      if (signal.aborted) return false;
      this.#atLine(() => this.#splitter.push(chunk));
      onChunk();
    }
    // A line that was still being typed is not the whole line: it is left out.
    return signal.aborted ? false : this.#atLine(() => this.#splitter.finish());
  }

  #atLine<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw this.#withLine(error);
    }
  }

  #withLine(error: unknown): unknown {
    const tooLarge = error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_EVENT_TOO_LARGE';
    if (!(error instanceof FormatDefect || error instanceof LineTooLong || tooLarge)) return error;
    const line = formatCount(this.events + 1);
    return new WalError(
      'ERR_FLASHSTRIKE_INPUT',
      `line ${line} of ${this.#input.name} was not recorded: ${error.message}; ` +
        'the lines before it are kept, those after it were not read',
      { path: this.#input.name, cause: tooLarge ? error : undefined },
    );
  }
}

/** What is waited for may never come while the disk is full: a signal ends the waiting. */
const unlessAborted = (work: Promise<unknown>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    work.then(() => resolve(), reject);
  });

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
    const recording = new Recording(wal, createFormat(options.format), input);
    const showProgress = (): void =>
      terminal.progress(() => {
        const seconds = (performance.now() - recording.startedMs) / 1000;
        return (
          `${formatEvents(recording.events)}  ${formatBytes(recording.payloadBytes)}  ` +
          `${formatRate(recording.events / seconds)}  durable ${formatCount(wal.durableEventId)}`
        );
      });
    const failures: unknown[] = [];
    const stopReading = new AbortController();
    let toldNoSpace = false;
    // While the input is silent, only this notices that the log has failed or waits for space.
    const health = setInterval(() => {
      showProgress();
      if (wal.state === 'no-space' && !toldNoSpace) {
        toldNoSpace = true;
        terminal.line(
          'the disk is full: waiting for space (Ctrl-C stops, and keeps what was read)',
        );
      }
      if (wal.state === 'failed') stopReading.abort();
    }, HEALTH_CHECK_MS);
    const signal = AbortSignal.any([interruption.signal, stopReading.signal]);
    try {
      const unended = await recording.run(signal, showProgress);
      if (unended) {
        terminal.line('the last line does not end with \\n; replay will add one');
      }
      if (wal.failure !== undefined) throw wal.failure;
      if (recording.events > 0) await unlessAborted(wal.durable(), interruption.signal);
    } catch (error) {
      failures.push(error);
    }
    recording.endedMs = performance.now();
    try {
      await wal.close();
    } catch (error) {
      if (failures.length === 0) failures.push(error);
    }
    clearInterval(health);
    await summarize(recording, wal, options, interruption.happened, { stdout, terminal });
    for (const failure of failures) reportError(terminal, failure);
    return interruption.exitCode ?? (failures.length === 0 ? EXIT.done : EXIT.failed);
  } finally {
    input.stream.destroy();
    interruption.dispose();
  }
}

async function summarize(
  recording: Recording,
  wal: Wal,
  options: RecordOptions,
  interrupted: boolean,
  { stdout, terminal }: CommandContext,
): Promise<void> {
  const { events, firstEventId, payloadBytes } = recording;
  const seconds = (recording.endedMs - recording.startedMs) / 1000;
  const eventsPerSecond = seconds > 0 ? Math.round(events / seconds) : 0;
  const { durableEventId } = wal;
  const lastEventId = events === 0 ? wal.lastEventId : firstEventId + events - 1;
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
