// One history: a log is replicated while everything goes wrong that may, and in the end each event
// is in the stream once and in order, whoever wrote it.
import assert from 'node:assert/strict';
import { MemoryLog, type NewEvent } from './memory-log.js';
import { MemoryStream } from './memory-stream.js';
import { Turns } from './turns.js';
import { Writer } from './writer.js';

/** What has happened, so that a test can see that all of it does. */
export interface HistoryFacts {
  readonly blocks: number;
  readonly events: number;
  readonly claims: number;
  readonly foundStored: number;
  readonly regressions: number;
  readonly wasThrownBack: boolean;
  readonly kills: number;
  readonly takeovers: number;
  readonly fenced: number;
  readonly diverged: number;
  readonly parts: number;
}

const LOG_A = 0xa1n;
const LOG_B = 0xb2n;

export async function runHistory(seed: number): Promise<HistoryFacts> {
  const history = new History(seed);
  try {
    return await history.run();
  } catch (error) {
    throw new Error(`history ${seed}`, { cause: error });
  }
}

class History {
  readonly #turns: Turns;
  readonly #engine: MemoryStream;
  readonly #writers: Writer[] = [];
  #kills = 0;
  #takeovers = 0;

  constructor(seed: number) {
    this.#turns = new Turns(seed);
    this.#engine = new MemoryStream(this.#turns, this.#turns.between(512, 900));
    this.#engine.trouble = this.#turns.between(0, 35);
  }

  async run(): Promise<HistoryFacts> {
    const turns = this.#turns;
    const log = new MemoryLog('/a', LOG_A);
    let writer = this.#start(log);
    const acts = turns.between(1, 4);
    for (let act = 0; act < acts; act++) {
      this.#append(log);
      await this.#some();
      if (turns.chance(20) && !writer.isOver) {
        writer.kill();
        this.#kills++;
        writer = this.#start(log);
      }
      if (turns.chance(8) && !this.#engine.wasThrownBack) {
        this.#engine.throwBack(turns.between(0, this.#engine.blocks.length));
      }
    }
    if (turns.chance(25)) await this.#takeOver();
    this.#engine.trouble = 0;
    await turns.until('all is in the stream', () => this.#isQuiet());
    return this.#judge();
  }

  /** A standby is restored from the stream, and claims it while the other writer goes on. */
  async #takeOver(): Promise<void> {
    const turns = this.#turns;
    const { runs } = this.#engine.runs();
    const log = new MemoryLog('/b', LOG_B);
    for (const { frames, firstEventId, eventCount } of runs) {
      log.adopt(firstEventId, framesOf(frames, eventCount));
    }
    const writer = this.#start(log, true);
    await this.#some();
    if (writer.claims > 0) {
      this.#takeovers++;
      this.#append(log);
    }
    await this.#some();
    if (turns.chance(30) && !this.#engine.wasThrownBack) {
      this.#engine.throwBack(turns.between(0, this.#engine.blocks.length));
    }
  }

  #start(log: MemoryLog, takeover = false): Writer {
    const writer = new Writer(this.#turns, log, this.#engine, takeover);
    writer.onConfirmed = (eventId) => {
      if (this.#engine.wasThrownBack) return;
      const { lastEventId } = this.#engine;
      assert.ok(lastEventId >= eventId, `event ${eventId} is in the stream when that is told`);
    };
    this.#writers.push(writer);
    return writer;
  }

  #append(log: MemoryLog): void {
    const turns = this.#turns;
    for (let block = turns.between(1, 4); block > 0; block--) {
      const events: NewEvent[] = [];
      for (let count = turns.between(1, 5); count > 0; count--) {
        const bytes = turns.chance(6) ? turns.between(500, 1500) : turns.between(0, 60);
        const payload = new Uint8Array(bytes).fill(turns.below(256));
        events.push({ payload, continued: count > 1 && turns.chance(20) });
      }
      log.append(events);
    }
  }

  async #some(): Promise<void> {
    let left = this.#turns.between(0, 40);
    await this.#turns.until('some turns', () => left-- === 0 || this.#isAllOver());
  }

  #isAllOver(): boolean {
    return this.#writers.every((writer) => !writer.isAtWork);
  }

  /** One writer at most is left, and has sent all that it has. */
  #isQuiet(): boolean {
    const atWork = this.#writers.filter((writer) => writer.isAtWork);
    const [last] = atWork;
    if (last === undefined) return true;
    if (atWork.length > 1 || !last.isDone) return false;
    // One that has nothing to send learns only from its next checkpoint that events are gone.
    return this.#engine.lastEventId === last.log.lastEventId;
  }

  #judge(): HistoryFacts {
    const writers = this.#writers;
    const { walk, runs } = this.#engine.runs();
    const logs = new Map(writers.map(({ log }) => [log.logId, log]));
    for (const { logId, firstEventId, eventCount, frames } of runs) {
      const mine = logs.get(logId)?.frames(firstEventId, eventCount);
      assert.ok(typeof mine === 'object', `events from ${firstEventId} on are of that log`);
      assert.equal(Buffer.compare(mine, frames), 0, `events from ${firstEventId} on are the same`);
    }
    const last = writers.find((writer) => writer.isAtWork);
    if (last !== undefined) {
      const lastEventId = Math.max(0, walk.nextEventId - 1);
      assert.equal(lastEventId, last.log.lastEventId, 'all events are in the stream');
      for (const { firstEventId, eventCount, frames } of runs) {
        const mine = last.log.frames(firstEventId, eventCount);
        assert.ok(typeof mine === 'object' && Buffer.compare(mine, frames) === 0);
      }
    }
    const ended = writers.filter((writer) => writer.error !== undefined);
    const isContested = writers.some(({ log }) => log.logId === LOG_B);
    for (const { error, code } of ended) {
      assert.ok(code !== undefined && isContested, String(error));
      assert.match(code, /_FENCED$|_DIVERGED$/);
    }
    assert.ok(last !== undefined || isContested, 'nobody has ended the only one');
    const sum = (count: (writer: Writer) => number): number =>
      writers.reduce((total, writer) => total + count(writer), 0);
    return {
      blocks: walk.blocks,
      events: Math.max(0, walk.nextEventId - 1),
      claims: walk.claims,
      foundStored: sum((writer) => writer.foundStored),
      regressions: sum((writer) => writer.regressions),
      wasThrownBack: this.#engine.wasThrownBack,
      kills: this.#kills,
      takeovers: this.#takeovers,
      fenced: ended.filter(({ code }) => code === 'ERR_FLASHSTRIKE_FENCED').length,
      diverged: ended.filter(({ code }) => code === 'ERR_FLASHSTRIKE_DIVERGED').length,
      parts: this.#engine.blocks.filter((bytes) => bytes[6] === 3).length,
    };
  }
}

/** Frame by frame. */
function framesOf(frames: Uint8Array, eventCount: number): Uint8Array[] {
  const view = new DataView(frames.buffer, frames.byteOffset, frames.length);
  const pieces: Uint8Array[] = [];
  for (let at = 0; pieces.length < eventCount; ) {
    const span = (view.getUint32(at, true) + 7) & -8;
    pieces.push(frames.slice(at, at + span));
    at += span;
  }
  return pieces;
}
