// `demo`: the main job in one go. A second process records orders and is killed with SIGKILL; then
// the log is opened, every event is proven to be there, and recording continues. Each step says
// what it does, for somebody who has never heard of a write-ahead log.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { printable, WalError } from '../../errors.js';
import { verify, Wal } from '../../index.js';
import type { CommandContext } from '../context.js';
import { DemoFolder } from '../demo/demo-folder.js';
import { DemoStage } from '../demo/demo-stage.js';
import { OrderStream } from '../demo/order-stream.js';
import { checkCompleteness, compareWithStream, ProofFailed } from '../demo/proof.js';
import { RecorderEnded } from '../demo/recorder.js';
import { Recording } from '../demo/recording.js';
import { EXIT } from '../exit-codes.js';
import { OrderLayout } from '../formats/order-record.js';
import { Interruption } from '../interruption.js';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatEvents,
  formatRate,
} from '../quantities.js';
import { reportError } from '../report-error.js';

interface DemoOptions {
  /** Orders in the whole stream, before and after the kill. */
  readonly events: number;
  readonly seed: number;
  readonly dir?: string | undefined;
  readonly keep: boolean;
}

/** Appended before signals and progress get a turn. */
const TURN_EVENTS = 20_000;

/** One run: the steps in order, and what each leaves for the next. */
class Demo {
  readonly #options: DemoOptions;
  readonly #dir: string;
  readonly #stage: DemoStage;
  readonly #interruption: Interruption;

  constructor(options: DemoOptions, dir: string, stage: DemoStage, interruption: Interruption) {
    this.#options = options;
    this.#dir = dir;
    this.#stage = stage;
    this.#interruption = interruption;
  }

  async run(): Promise<void> {
    const stage = this.#stage;
    stage.title('Flashstrike demo: record, kill -9, recover, prove');
    stage.say('A write-ahead log remembers what a program must not forget: each event is');
    stage.say('recorded before it is acted upon, so that a crash loses nothing.');
    const { seed, events } = this.#options;
    const plan = { dir: this.#dir, seed, events };
    const told = await new Recording(plan, stage, this.#interruption).run();
    const promised = told.isMapped ? told.appendedEventId : told.writtenEventId;
    const wal = await this.#recover();
    const stream = new OrderStream(seed);
    try {
      await this.#prove(stream, promised, wal.lastEventId);
      await this.#goOn(wal, stream);
    } finally {
      await wal.close();
    }
    await this.#verifyAll();
    stage.verdict(
      `Proven: kill -9 lost none of the ${formatEvents(promised)} that ` +
        `${told.isMapped ? 'append() returned for' : 'had been written'}.`,
    );
  }

  async #recover(): Promise<Wal> {
    const startedMs = performance.now();
    const wal = await Wal.open(this.#dir);
    const seconds = (performance.now() - startedMs) / 1000;
    const { eventsFromRing, verdict, droppedBytes } = wal.recovery;
    this.#stage.step('Recover', [
      `Wal.open() recovers the log, in ${formatDuration(seconds)}.`,
      `The last event is ${formatCount(wal.lastEventId)}.`,
      ...(eventsFromRing > 0
        ? [
            `${formatEvents(eventsFromRing)} had not reached a file: they waited in shared memory,`,
            'and are on disk now.',
          ]
        : ['Every event had already reached a file.']),
      ...(verdict === 'torn-tail'
        ? [`The last write is torn: ${formatBytes(droppedBytes)} of it are set aside.`]
        : []),
    ]);
    return wal;
  }

  async #prove(stream: OrderStream, promised: number, lastEventId: number): Promise<void> {
    const stage = this.#stage;
    stage.step('Prove', [
      `The same orders are generated again from seed ${this.#options.seed}, and compared byte by`,
      'byte with a replay of the log.',
    ]);
    const compared = await this.#compare(stream);
    checkCompleteness(compared, { promised, lastEventId });
    const beyond = compared - promised;
    stage.say(`None is missing: all ${formatCount(promised)} are there${beyond === 0 ? '.' : ','}`);
    if (beyond === 0) return;
    stage.say(`and ${formatCount(beyond)} more, which it was killed before it could report.`);
  }

  async #compare(stream: OrderStream): Promise<number> {
    const startedMs = performance.now();
    const compared = await compareWithStream(this.#dir, stream, (events) => {
      this.#interruption.signal.throwIfAborted();
      this.#stage.progress(() => `compared ${formatEvents(events)}`);
    });
    const seconds = (performance.now() - startedMs) / 1000;
    this.#stage.say(
      `${formatEvents(compared)}, ${formatBytes(compared * OrderLayout.size)}: all equal, in ` +
        `${formatDuration(seconds)} (${formatRate(compared / seconds)}).`,
    );
    return compared;
  }

  async #goOn(wal: Wal, stream: OrderStream): Promise<void> {
    const stage = this.#stage;
    stage.step('Continue', ['The recovered log continues with the rest of the stream.']);
    const first = wal.lastEventId + 1;
    const startedMs = performance.now();
    for (let eventId = first; eventId <= this.#options.events; eventId += 1) {
      stream.next();
      const appended = wal.append(stream.payload);
      if (appended !== eventId) {
        throw new ProofFailed(`event ${formatCount(eventId)} was given the id ${appended}`);
      }
      if (eventId % TURN_EVENTS !== 0) continue;
      stage.progress(() => `${formatCount(eventId)} orders`);
      await nextTurn();
      this.#interruption.signal.throwIfAborted();
    }
    await wal.durable();
    const more = wal.lastEventId - first + 1;
    const seconds = (performance.now() - startedMs) / 1000;
    stage.say(
      `${formatEvents(more)} more in ${formatDuration(seconds)} ` +
        `(${formatRate(more / seconds)}), including the last sync.`,
    );
  }

  async #verifyAll(): Promise<void> {
    const stage = this.#stage;
    stage.step('Verify', [
      'The log is closed: all checksums are verified, all orders compared again.',
    ]);
    this.#interruption.signal.throwIfAborted();
    const startedMs = performance.now();
    const report = await verify(this.#dir);
    const seconds = (performance.now() - startedMs) / 1000;
    const [problem] = report.problems;
    if (!report.ok) throw new ProofFailed(`verify: ${problem?.message ?? report.verdict}`);
    stage.say(`verify() reports that it is sound, in ${formatDuration(seconds)}.`);
    const compared = await this.#compare(new OrderStream(this.#options.seed));
    const { lastEventId } = report;
    checkCompleteness(compared, { promised: this.#options.events, lastEventId });
  }
}

export async function demo(options: DemoOptions, context: CommandContext): Promise<number> {
  const folder = new DemoFolder(options.dir);
  const interruption = new Interruption();
  const stage = new DemoStage(context);
  let exitCode: number = EXIT.failed;
  try {
    await new Demo(options, folder.path, stage, interruption).run();
    exitCode = EXIT.done;
  } catch (error) {
    // Ctrl-C reaches the recorder as well: that it ended may be noticed first.
    if (
      interruption.happened &&
      (error === interruption.signal.reason || error instanceof RecorderEnded)
    ) {
      exitCode = interruption.exitCode ?? EXIT.failed;
      // Below the ^C that the terminal has shown.
      stage.gap();
      stage.say('Stopped before anything was proven.');
    } else {
      reportFailure(error, context);
    }
  } finally {
    interruption.dispose();
  }
  if (options.keep || exitCode === EXIT.failed) {
    stage.say(`The log is in ${printable(folder.path)}.`);
    return exitCode;
  }
  if (exitCode !== EXIT.done) await releaseRegion(folder.path, context);
  folder.remove();
  return exitCode;
}

function reportFailure(error: unknown, { terminal }: CommandContext): void {
  if (error instanceof ProofFailed) {
    terminal.line(`${terminal.red('NOT PROVEN:')} ${printable(error.message)}`);
  } else if (error instanceof RecorderEnded) {
    terminal.line(`${terminal.red('flashstrike:')} the recorder process ended unexpectedly`);
    for (const line of error.message.split('\n')) terminal.line(`  ${printable(line)}`);
  } else {
    reportError(terminal, error);
  }
}

/** A killed recorder leaves its shared memory for the next opening: this is it. */
async function releaseRegion(dir: string, { terminal }: CommandContext): Promise<void> {
  try {
    const wal = await Wal.open(dir, { create: false });
    await wal.close();
  } catch (error) {
    // Stopped before there was a log.
    if (error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_NOT_A_LOG') return;
    reportError(terminal, error);
  }
}
