// `top`: a log's telemetry, live, from outside. Reads shared memory only; the log does not notice.

import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandContext } from '../context.js';
import { diagnose } from '../diagnosis/diagnosis.js';
import { type Figures, figuresOf, type Since } from '../diagnosis/figures.js';
import { type Look, takeLook } from '../diagnosis/look.js';
import { EXIT, SIGNAL_EXITS } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { formatJson, formatJsonLine } from '../json.js';
import { isTerminal, writeLines } from '../output.js';
import { Terminal } from '../terminal.js';
import { LiveScreen, type ScreenStream } from '../top/live-screen.js';
import { renderScreen } from '../top/screen.js';
import { WatchedLog } from '../watched-log.js';

interface TopOptions {
  readonly once: boolean;
  readonly json: boolean;
  /** Milliseconds from one look to the next. */
  readonly interval: number;
}

const PLAIN_COLUMNS = 80;

export async function top(
  dir: string,
  options: TopOptions,
  { stdout }: CommandContext,
): Promise<number> {
  const log = new WatchedLog(dir);
  const interruption = new Interruption();
  const { once, json } = options;
  try {
    if (json && !once) return await printLines(log, options, stdout, interruption);
    // Into a file or a pipe a moving screen is of no use: one of it is.
    if (once || !isTerminal(stdout)) return await printOnce(log, options, stdout, interruption);
    return await showLive(log, options, stdout, interruption);
  } finally {
    interruption.dispose();
    log.close();
  }
}

/** Two looks at a log that runs, because rates need an interval. */
async function printOnce(
  log: WatchedLog,
  { json, interval }: TopOptions,
  stdout: ScreenStream,
  interruption: Interruption,
): Promise<number> {
  let before: Look | undefined;
  if (log.telemetry.status === 'running') {
    before = takeLook(log.telemetry);
    await pause(interval, interruption.signal);
    if (interruption.happened) return interruption.exitCode ?? EXIT.failed;
  }
  const now = takeLook(log.look());
  const { reason } = log;
  const columns = stdout.columns || PLAIN_COLUMNS;
  const screen = { columns, rows: Number.POSITIVE_INFINITY, reason };
  const text = json
    ? formatJson(document(before, now, log))
    : `${renderScreen(before, now, screen).join('\n')}\n`;
  await writeLines(stdout, text);
  return EXIT.done;
}

/** A document a line, one each interval, until nobody reads any more. */
async function printLines(
  log: WatchedLog,
  { interval }: TopOptions,
  stdout: ScreenStream,
  interruption: Interruption,
): Promise<number> {
  let before = takeLook(log.telemetry);
  for (;;) {
    await pause(interval, interruption.signal);
    if (interruption.happened) return interruption.exitCode ?? EXIT.done;
    const now = takeLook(log.look());
    await writeLines(stdout, formatJsonLine(document(before, now, log)));
    before = now;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function document(before: Look | undefined, now: Look, log: WatchedLog): object {
  const figures = figuresOf(before, now);
  return {
    ...log.telemetry.toJSON(),
    consumers: now.consumers,
    interval: intervalDocument(figures),
    troubles: diagnose(now, figures, log.reason),
  };
}

/** Undefined rates are left out; times of latencies are in nanoseconds. */
function intervalDocument({ seconds, latencies, happened, ...rates }: Figures): object | null {
  if (seconds === undefined) return null;
  const ofInterval = latencies.filter(({ isOfInterval }) => isOfInterval);
  return {
    seconds,
    ...rates,
    ...happened,
    latencies: Object.fromEntries(ofInterval.map(({ metric, histogram }) => [metric, histogram])),
  };
}

async function showLive(
  log: WatchedLog,
  { interval }: TopOptions,
  stdout: ScreenStream,
  interruption: Interruption,
): Promise<number> {
  const painters = new Terminal(stdout);
  const screen = new LiveScreen(stdout, process.stdin);
  let since: Since = 'interval';
  let before: Look | undefined;
  let now = takeLook(log.telemetry);
  let dueMs = performance.now() + interval;
  const draw = (): Promise<void> => {
    const { columns, rows } = screen;
    const footer =
      'q quits   a shows ' +
      `${since === 'interval' ? 'everything since it was opened' : 'the last interval'}`;
    const options = { columns, rows, painters, since, reason: log.reason, footer };
    return screen.draw(renderScreen(before, now, options));
  };
  try {
    await draw();
    for (;;) {
      const event = await screen.next(Math.max(0, dueMs - performance.now()), interruption.signal);
      if (event === 'interrupt') return interruption.exitCode ?? SIGNAL_EXITS.SIGINT;
      if (event === 'tick') {
        before = now;
        now = takeLook(log.look());
        dueMs = Math.max(dueMs + interval, performance.now());
      } else if (event !== 'resize') {
        if (event.key === 'q' || event.key === 'Q') return EXIT.done;
        if (event.key === 'a') since = since === 'interval' ? 'opening' : 'interval';
      }
      await draw();
    }
  } finally {
    screen.close();
  }
}
