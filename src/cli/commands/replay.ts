// `replay`: the inverse of `record`. Every event followed by `\n`, in large writes that wait for
// their reader; with `--follow` it continues as the log grows. A terminal obeys what it is sent, so
// there payloads are made printable first.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { printable, WalError } from '../../errors.js';
import { follow, isSchemaEvent, replay as replayLog } from '../../index.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { type EventFormat, FormatDefect, type FormatName } from '../formats/event-format.js';
import { createFormat } from '../formats/formats.js';
import { TextBuffer } from '../formats/text-buffer.js';
import { Interruption } from '../interruption.js';
import { isTerminal, Output } from '../output.js';
import { formatCount } from '../quantities.js';
import { tellWaitingEvents } from '../region-notice.js';

interface ReplayOptions {
  /** First and last id, both inclusive. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Where to begin instead: nanoseconds since 1970. */
  readonly fromTime?: bigint | undefined;
  readonly format: FormatName;
  readonly follow: boolean;
  /** The bytes as they are, on a terminal, too. */
  readonly raw: boolean;
}

interface ReadEvent {
  readonly eventId: number;
  readonly type: number;
  readonly payload: Uint8Array;
}

type EventSink = (event: ReadEvent) => void;

const NEWLINE = 0x0a;

function writeEvent(event: ReadEvent, format: EventFormat, output: TextBuffer, dir: string): void {
  try {
    format.decode(event.payload, output);
  } catch (error) {
    if (!(error instanceof FormatDefect)) throw error;
    throw new WalError(
      'ERR_FLASHSTRIKE_INPUT',
      `event ${formatCount(event.eventId)} of ${dir} was not recorded with --format ` +
        `${format.name}: ${error.message}; replay it with the format that it was recorded with`,
      { path: dir },
    );
  }
}

/** The same for a terminal: a payload may hold escape sequences, and line breaks of its own. */
function writePrintable(event: ReadEvent, format: EventFormat, output: Output, dir: string): void {
  const line = new TextBuffer();
  writeEvent(event, format, line, dir);
  output.append(Buffer.from(printable(line.utf8())));
}

export async function replay(
  dir: string,
  options: ReplayOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  const output = new Output(stdout);
  const format = createFormat(options.format);
  const writeOne = isTerminal(stdout) && !options.raw ? writePrintable : writeEvent;
  let isFirst = options.from === undefined && options.fromTime === undefined;
  const write: EventSink = (event) => {
    if (isFirst && event.eventId > 1) {
      const first = formatCount(event.eventId);
      terminal.line(`the log begins with event ${first}: it does not have the events before it`);
    }
    isFirst = false;
    // It is the log's own: nobody has recorded it as a line.
    if (isSchemaEvent(event)) return;
    writeOne(event, format, output, dir);
    output.appendByte(NEWLINE);
  };
  const run = options.follow ? followAll : replayAll;
  try {
    if (options.follow) tellWaitingEvents(terminal, dir);
    await run(dir, options, write, output, interruption.signal);
    if (!options.follow && options.to === undefined) tellWaitingEvents(terminal, dir);
    return interruption.exitCode ?? EXIT.done;
  } finally {
    // What was read before a failure is data, too.
    await output.flush();
    interruption.dispose();
  }
}

async function replayAll(
  dir: string,
  { from, fromTime, to }: ReplayOptions,
  write: EventSink,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  for (const event of replayLog(dir, { from, fromTime, to, reuse: true })) {
    write(event);
    if (!output.isFull) continue;
    await output.flush();
    // A write that the system took at once does not let signals in: a turn of the loop does.
    await nextTurn();
    if (signal.aborted) return;
  }
}

async function followAll(
  dir: string,
  { from, fromTime, to }: ReplayOptions,
  write: EventSink,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  let failure: unknown;
  let flushing: NodeJS.Immediate | undefined;
  // Runs when the log has nothing more at the moment: then what was gathered goes out.
  const flushSoon = (): void => {
    flushing ??= setImmediate(() => {
      flushing = undefined;
      output.flush().catch((error: unknown) => {
        failure ??= error;
        stopped.abort();
      });
    });
  };
  try {
    for await (const event of follow(dir, { from, fromTime, reuse: true, signal: either })) {
      if (to !== undefined && event.eventId > to) break;
      write(event);
      if (output.isFull) await output.flush();
      else flushSoon();
      if (event.eventId === to) break;
    }
  } catch (error) {
    if (!either.aborted) throw error;
  } finally {
    if (flushing !== undefined) clearImmediate(flushing);
  }
  if (failure !== undefined) throw failure;
}
