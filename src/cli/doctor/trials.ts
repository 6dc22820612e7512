// Measures: the ways of committing take turns, so that the moods of disk and machine hit all alike.
import { join } from 'node:path';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { codeOf, isError, messageOf } from '../../errors.js';
import { NS_PER_MS } from '../../units.js';
import { flushesOf } from './block-device.js';
import { throttledMs } from './cgroups.js';
import { clockReadingNs, longestPauseNs, StepWatch } from './clocks.js';
import type { Facts } from './facts.js';
import type { Machine } from './machine.js';
import type { LogTrial, Measurements, Trial, WayName, WayResult } from './measurements.js';
import { mountsOf } from './mounts.js';
import { TrialFolder } from './trial-folder.js';
import { fileWays, logWay, prepareFile, type Way } from './ways.js';

/** A turn is over after so long, or so many commits. */
const TURN_MS = 40;
const TURN_COMMITS = 32;
const PAUSE_WATCH_MS = 10;
const HIGHEST_NS = 1e12;

interface TrialOptions {
  readonly seconds: number;
  readonly sharedMemoryDirectory: string;
  readonly signal: AbortSignal;
  /** Called once a turn, with the part that is done. */
  readonly onTurn: (part: number) => void;
}

/** One way, and the times of its commits. */
class Contestant {
  readonly way: Way;
  readonly #times: RecordableHistogram = createHistogram({
    lowest: 1,
    highest: HIGHEST_NS,
    figures: 3,
  });
  worstNs = 0;
  worstAtMs = 0;
  refused: string | undefined;

  constructor(way: Way) {
    this.way = way;
  }

  async takeTurn(): Promise<void> {
    const endMs = performance.now() + TURN_MS;
    for (let commit = 0; commit < TURN_COMMITS; commit++) {
      const startMs = performance.now();
      if (commit > 0 && startMs >= endMs) return;
      const done = this.way.commit();
      if (done !== undefined) await done;
      const ns = Math.max(1, Math.round((performance.now() - startMs) * NS_PER_MS));
      this.#times.record(Math.min(HIGHEST_NS, ns));
      if (ns <= this.worstNs) continue;
      this.worstNs = ns;
      this.worstAtMs = startMs;
    }
  }

  result(): WayResult {
    const commits = this.#times.count;
    return {
      way: this.way.name,
      commits,
      eventsPerCommit: this.way.eventsPerCommit,
      p50Ns: commits === 0 ? 0 : this.#times.percentile(50),
      p99Ns: commits === 0 ? 0 : this.#times.percentile(99),
      worstNs: this.worstNs,
      refused: this.refused,
    };
  }
}

const refusedWay = (way: WayName, refused: string): WayResult => ({
  way,
  commits: 0,
  eventsPerCommit: 0,
  p50Ns: 0,
  p99Ns: 0,
  worstNs: 0,
  refused,
});

/** What the system, or the log, says no with. An error of the code goes on. */
function refusalIn(error: unknown): string {
  if (!isError(error) || codeOf(error) === undefined) throw error;
  const code = codeOf(error);
  const message = messageOf(error);
  return message.startsWith(`${code}`) ? message : `${code}: ${message}`;
}

interface Opened {
  readonly contestants: Contestant[];
  readonly refused: WayResult[];
  log: LogTrial | undefined;
  logRefused: string | undefined;
}

async function openAll(folder: string, shared: string, opened: Opened): Promise<void> {
  const prepared = join(folder, 'prepared');
  prepareFile(prepared);
  for (const [name, open] of fileWays(folder, prepared)) {
    try {
      opened.contestants.push(new Contestant(open()));
    } catch (error) {
      opened.refused.push(refusedWay(name, refusalIn(error)));
    }
  }
  try {
    const { way, log } = await logWay(folder, shared);
    opened.log = log;
    opened.contestants.push(new Contestant(way));
  } catch (error) {
    opened.logRefused = refusalIn(error);
    opened.refused.push(refusedWay('durable', opened.logRefused));
  }
}

async function takeTurns(
  contestants: readonly Contestant[],
  { seconds, signal, onTurn }: TrialOptions,
): Promise<{ pauseNs: number; clockStepMs: number; startMs: number }> {
  const steps = new StepWatch();
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  let pauseNs = 0;
  for (let round = 0; performance.now() < endMs; round++) {
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      if (contestant.refused !== undefined) continue;
      try {
        await contestant.takeTurn();
      } catch (error) {
        contestant.refused = refusalIn(error);
      }
      steps.look();
      onTurn(Math.min(1, (performance.now() - startMs) / (seconds * 1000)));
      // Signals have their turn.
      await nextTurn();
      signal.throwIfAborted();
    }
    pauseNs = Math.max(pauseNs, longestPauseNs(PAUSE_WATCH_MS));
  }
  return { pauseNs, clockStepMs: steps.largestMs, startMs };
}

function longestOf(contestants: readonly Contestant[], startMs: number): Measurements['longest'] {
  const [longest] = contestants
    .filter(({ worstNs }) => worstNs > 0)
    .sort((one, other) => other.worstNs - one.worstNs);
  if (longest === undefined) return undefined;
  const { worstNs: ns, worstAtMs } = longest;
  return { way: longest.way.name, ns, atMs: Math.max(0, worstAtMs - startMs) };
}

async function measureIn(
  folder: TrialFolder,
  machine: Machine,
  facts: Facts,
  options: TrialOptions,
): Promise<Measurements> {
  const opened: Opened = { contestants: [], refused: [], log: undefined, logRefused: undefined };
  const { contestants, refused } = opened;
  const { disk } = facts.folder;
  const mounts = mountsOf(machine);
  try {
    await openAll(folder.path, options.sharedMemoryDirectory, opened);
    folder.goLast();
    const [flushesBefore, throttledBefore] = [
      flushesOf(machine, disk),
      throttledMs(machine, mounts),
    ];
    const readingNs = clockReadingNs();
    const { pauseNs, clockStepMs, startMs } = await takeTurns(contestants, options);
    const [flushesAfter, throttledAfter] = [flushesOf(machine, disk), throttledMs(machine, mounts)];
    return {
      ways: [...contestants.map((each) => each.result()), ...refused],
      log: opened.log,
      logRefused: opened.logRefused,
      longest: longestOf(contestants, startMs),
      flushes: difference(flushesAfter, flushesBefore),
      pauseNs,
      throttledMs: difference(throttledAfter, throttledBefore),
      clockReadingNs: readingNs,
      clockStepMs,
    };
  } finally {
    await closeAll(contestants);
  }
}

/**
 * The log last: it may need the room that the others give back. All, then the first failure is
 * thrown.
 */
async function closeAll(contestants: readonly Contestant[]): Promise<void> {
  const failures: unknown[] = [];
  for (const { way, refused } of contestants) {
    try {
      await way.close();
    } catch (error) {
      // What has failed before says so once more when it is closed.
      if (refused === undefined) failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

const difference = (after: number | undefined, before: number | undefined): number | undefined =>
  after === undefined || before === undefined ? undefined : after - before;

/** Where nothing can be written, says why. @throws the reason of `signal` once that aborts */
export async function runTrials(
  machine: Machine,
  facts: Facts,
  options: TrialOptions,
): Promise<Trial> {
  let folder: TrialFolder;
  try {
    folder = new TrialFolder(facts.folder.trialParent);
  } catch (error) {
    return { measured: undefined, refused: refusalIn(error) };
  }
  try {
    return { measured: await measureIn(folder, machine, facts, options), refused: undefined };
  } catch (error) {
    if (options.signal.aborted && error === options.signal.reason) throw error;
    // A disk that is full refuses before anything can be compared.
    return { measured: undefined, refused: refusalIn(error) };
  } finally {
    folder.remove();
  }
}
