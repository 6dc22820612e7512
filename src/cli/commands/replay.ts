// `replay`: the inverse of `record`. Every event followed by `\n`, in large writes that wait for
// their reader; with `--follow` it continues as the log grows.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { follow, replay as replayLog } from '../../index.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import type { PrintedFormat } from '../formats/event-format.js';
import { Interruption } from '../interruption.js';
import { isTerminal, Output } from '../output.js';
import { formatCount } from '../quantities.js';
import { tellWaitingEvents } from '../region-notice.js';
import type { EventChoice } from '../typed/event-choice.js';
import { createPrinter, type PrintedEvent } from '../typed/event-printer.js';
import { LineOutput } from '../typed/line-output.js';

interface ReplayOptions {
  /** First and last id, both inclusive. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Where to begin instead: nanoseconds since 1970. */
  readonly fromTime?: bigint | undefined;
  readonly format: PrintedFormat;
  /** Only these typed events. */
  readonly event: EventChoice | undefined;
  readonly follow: boolean;
  /** The bytes as they are, on a terminal, too. */
  readonly raw: boolean;
}

type EventSink = (event: PrintedEvent) => void;

export async function replay(
  dir: string,
  options: ReplayOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  const output = new Output(stdout);
  const lines = new LineOutput(output, isTerminal(stdout) && !options.raw);
  const printer = createPrinter({ ...options, dir }, terminal);
  let isFirst = options.from === undefined && options.fromTime === undefined;
  const write: EventSink = (event) => {
    if (isFirst && event.eventId > 1) {
      const first = formatCount(event.eventId);
      terminal.line(`the log begins with event ${first}: it does not have the events before it`);
    }
    isFirst = false;
    printer.print(event, lines);
  };
  const run = options.follow ? followAll : replayAll;
  try {
    if (options.follow) tellWaitingEvents(terminal, dir);
    await run(dir, options, write, output, interruption.signal);
    if (!options.follow && options.to === undefined) tellWaitingEvents(terminal, dir);
    const isDone = printer.end(lines);
    return interruption.exitCode ?? (isDone ? EXIT.done : EXIT.failed);
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
