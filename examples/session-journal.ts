// The journal of a session: an agent or a long job records each step before it takes the next one,
// and goes on behind the last one when it is started again.
//   npm run build && node dist/examples/session-journal.js ./session
// Kill it, let it run out of memory, fill the disk: no step is lost, none is half there, and none
// that was recorded is done again. While the disk is full it waits, and says so.
import { setTimeout as delay } from 'node:timers/promises';
import { Wal, WalError } from '../src/index.js';

const [folder = './session', wanted = '200'] = process.argv.slice(2);
const STEPS = Number(wanted);
const LOOK_MS = 100;

interface Step {
  readonly number: number;
  readonly tool: string;
  readonly result: string;
}

const isFull = (error: unknown): boolean =>
  error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_NO_SPACE';

class SessionJournal {
  readonly steps: Step[] = [];
  readonly #wal: Wal;

  private constructor(wal: Wal) {
    this.#wal = wal;
    for (const { payload } of wal.replay()) {
      this.steps.push(JSON.parse(Buffer.from(payload).toString()));
    }
  }

  /** Waits while the disk is too full for a log to be opened. */
  static async open(dir: string): Promise<SessionJournal> {
    for (let isTold = false; ; isTold = true) {
      try {
        return new SessionJournal(await Wal.open(dir));
      } catch (error) {
        if (!isFull(error)) throw error;
        if (!isTold) console.log('the disk is full: waiting');
        await delay(LOOK_MS);
      }
    }
  }

  /** Resolves once the step is on disk, however long the disk is full. */
  async record(step: Step): Promise<void> {
    // On a full disk the ring takes it in, `durable()` stays pending, and both go on by themselves.
    const recorded = this.#wal.durable(this.#wal.append(Buffer.from(JSON.stringify(step))));
    let isTold = false;
    const looks = setInterval(() => {
      if (this.#wal.state === 'no-space' && !isTold) console.log('the disk is full: waiting');
      isTold ||= this.#wal.state === 'no-space';
    }, LOOK_MS);
    await recorded.finally(() => clearInterval(looks));
    this.steps.push(step);
  }

  async close(): Promise<void> {
    try {
      await this.#wal.close();
    } catch (error) {
      // All steps are on disk; only the mark of a clean close found no room.
      if (!isFull(error)) throw error;
    }
  }
}

/** Stands for a call of a model or of a tool: dear, and not to be made twice. */
async function callTool(number: number): Promise<Step> {
  await delay(1);
  return { number, tool: `tool ${number % 5}`, result: 'x'.repeat(1000 + (number % 4000)) };
}

const journal = await SessionJournal.open(folder);
console.log(`resumed behind step ${journal.steps.length}`);
while (journal.steps.length < STEPS) {
  const step = await callTool(journal.steps.length + 1);
  await journal.record(step);
  // Whoever is told of a step here may rely on it.
  if (step.number % 10 === 0) console.log(`recorded ${step.number}`);
}
console.log(`all ${journal.steps.length} steps are recorded`);
await journal.close();
