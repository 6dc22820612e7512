// One log of the dashboard: looked at again and again, through kills, closes and new openings, with
// what its last hour was like.

import { printable, WalError } from '../../errors.js';
import type { AttachedTelemetry } from '../../telemetry.js';
import { NS_PER_SECOND } from '../../units.js';
import { diagnose } from '../diagnosis/diagnosis.js';
import { type Figures, figuresOf, type Rates, ratesOf } from '../diagnosis/figures.js';
import { isMissed } from '../diagnosis/hearts.js';
import { consumersOf, type Look, takeLook } from '../diagnosis/look.js';
import { standingOf, stateOf } from '../diagnosis/state.js';
import type { Trouble } from '../diagnosis/trouble.js';
import { WatchedLog } from '../watched-log.js';
import { type Bucket, mergedBucket } from './bucket.js';
import { History } from './history.js';
import { Incidents } from './incidents.js';
import { Paced } from './paced.js';
import { seenLog, threadsNow } from './seen-log.js';
import { SeenStalls } from './seen-stalls.js';
import { SegmentWatch } from './segment-map.js';
import { sliceOf } from './slice.js';
import type { LogNow, LogPush } from './wire.js';

/** Rates are of a second, or a little more where looks are late. */
const RATE_MS = 950;
/** What happened stays in the words about it for so long. */
const WORDS_MS = 5_000;
/** An attempt to attach to a log that is being opened may take half a second. */
const RETRY_MS = 1_000;
/**
 * A log at rest is looked into only so often: in between it is seen that nothing has happened, and
 * that its threads are there.
 */
const AT_REST_MS = 10_000;
/** It is at rest once what has happened is in no rate and no words any more. */
const SETTLES_MS = WORDS_MS + 1_000;
const INCIDENTS_SHOWN = 12;
const STALLS_SHOWN = 12;
/** Their files, and the headers of the segments that they need. */
const CONSUMERS_MS = 2_000;

interface TimedLook {
  readonly atMs: number;
  readonly look: Look;
}

/** What a whole look has come to. */
interface Told {
  readonly atMs: number;
  readonly now: LogNow;
  readonly slice: Bucket;
  /** What was wrong was so at the look before as well. */
  readonly isSteady: boolean;
}

export class SampledLog {
  readonly #dir: string;
  readonly #name: string;
  readonly #history = new History();
  readonly #incidents = new Incidents();
  readonly #stalls = new SeenStalls();
  readonly #segments: SegmentWatch;
  readonly #consumers = new Paced<Look['consumers']>(CONSUMERS_MS);
  #log: WatchedLog | undefined;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #reason: string | undefined;
  /** Those of the last seconds, of one opening. */
  #looks: TimedLook[] = [];
  /** The last whole look; undefined where there was none of this opening. */
  #told: Told | undefined;
  #movedAtMs = Number.NEGATIVE_INFINITY;
  /** What the second that has not passed yet was like. */
  #filling: Bucket | undefined;
  #now: LogNow | undefined;

  constructor(dir: string, name: string) {
    this.#dir = dir;
    this.#name = printable(name);
    this.#segments = new SegmentWatch(dir);
  }

  /**
   * Attaches, if the log is open.
   * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG: the path is mistyped
   */
  attach(): void {
    try {
      this.#log ??= new WatchedLog(this.#dir);
    } catch (error) {
      if (!(error instanceof WalError) || error.code === 'ERR_FLASHSTRIKE_NOT_A_LOG') throw error;
      this.#reason = error.message;
    }
  }

  /**
   * Looks once more.
   * @param nowMs since 1970, by a clock that takes no steps
   * @param second since 1970, to which belongs what happened since the last look
   * @returns false where nothing has happened, and only its age is new
   */
  sample(nowMs: number, second: number): boolean {
    this.#endSecond(second);
    const telemetry = this.#telemetry(nowMs);
    if (telemetry?.isAtRest !== true) this.#movedAtMs = nowMs;
    if (telemetry !== undefined && this.#rests(nowMs, second, telemetry)) return false;
    const look = telemetry && this.#attempt(() => this.#look(nowMs, telemetry));
    if (look === undefined) {
      const troubles = this.#absent();
      this.#incidents.update(troubles, nowMs);
      this.#stalls.update([]);
      this.#now = this.#tell(nowMs, 'not open', 'warning', troubles);
      return true;
    }
    this.#sampleWhole(nowMs, second, look);
    return true;
  }

  #sampleWhole(nowMs: number, second: number, look: Look): void {
    const last = this.#looks.at(-1)?.look;
    if (last !== undefined && last.path !== look.path) this.#forget();
    const before = this.#looks.at(-1)?.look;
    const figures = figuresOf(this.#lookBefore(nowMs, WORDS_MS), look);
    const troubles = diagnose(look, figures, this.#log?.reason).map(printableTrouble);
    const slice = sliceOf(before, look, figuresOf(before, look), troubles, second);
    this.#fill(slice);
    this.#incidents.update(troubles, nowMs);
    this.#stalls.update(look.stalls);
    const rates = ratesOf(this.#lookBefore(nowMs, RATE_MS), look);
    const now = this.#describe(nowMs, look, { rates, figures }, troubles);
    const isSteady = this.#told !== undefined && areSame(this.#told.now.troubles, troubles);
    this.#told = { atMs: nowMs, now, slice, isSteady };
    this.#now = now;
    this.#keep(nowMs, look);
  }

  #keep(nowMs: number, look: Look): void {
    this.#looks.push({ atMs: nowMs, look });
    // The one before the last that are in time is where an interval begins.
    while ((this.#looks[1]?.atMs ?? nowMs) <= nowMs - WORDS_MS) this.#looks.shift();
  }

  /**
   * Goes on with what the last whole look has come to; false where there is to be another one. A
   * thread that is missed is no rest, although nothing is recorded.
   */
  #rests(nowMs: number, second: number, telemetry: AttachedTelemetry): boolean {
    const told = this.#told;
    const last = this.#looks.at(-1)?.look;
    if (told?.now.seen === undefined || last === undefined || !told.isSteady) return false;
    if (nowMs - this.#movedAtMs < SETTLES_MS || nowMs - told.atMs >= AT_REST_MS) return false;
    const { takenAtNs, uptimeNs, threads } = telemetry;
    // Nothing has happened since: so the last look is as of now.
    const look: Look = { ...last, takenAtNs, uptimeNs, threads };
    if (isMissed(look)) return false;
    const seconds = look.status === 'running' ? (takenAtNs - last.takenAtNs) / NS_PER_SECOND : 0;
    this.#fill({ ...told.slice, at: second, seconds });
    this.#now = { ...told.now, seen: { ...told.now.seen, uptimeNs, threads: threadsNow(look) } };
    this.#keep(nowMs, look);
    return true;
  }

  #describe(
    nowMs: number,
    look: Look,
    { rates, figures }: { readonly rates: Rates; readonly figures: Figures },
    troubles: readonly Trouble[],
  ): LogNow {
    const standing = worst(standingOf(look), troubles);
    const metrics = look.status === 'running' ? look.recorder : undefined;
    return {
      ...this.#tell(nowMs, stateOf(look), standing, troubles, metrics),
      seen: seenLog(look, rates, figures),
    };
  }

  #tell(
    nowMs: number,
    state: string,
    standing: LogNow['standing'],
    troubles: readonly Trouble[],
    metrics?: Look['recorder'],
  ): LogNow {
    const segments = this.#segments.look(nowMs, metrics);
    return {
      name: this.#name,
      directory: printable(this.#dir),
      state,
      standing,
      troubles,
      incidents: this.#incidents.latest(INCIDENTS_SHOWN),
      stalls: this.#stalls.latest(STALLS_SHOWN),
      ...(segments && { segments }),
    };
  }

  /** Undefined while there is nothing to look at. */
  #telemetry(nowMs: number): AttachedTelemetry | undefined {
    return this.#attempt(() => {
      if (this.#log === undefined) {
        if (nowMs - this.#triedAtMs < RETRY_MS) return undefined;
        this.#triedAtMs = nowMs;
        this.#log = new WatchedLog(this.#dir);
      }
      return this.#log.look(AT_REST_MS);
    });
  }

  #look(nowMs: number, telemetry: AttachedTelemetry): Look {
    return takeLook(telemetry, (...of) => this.#consumers.get(nowMs, () => consumersOf(...of)));
  }

  /** Undefined where the log shows nothing, and the reason is kept. */
  #attempt<Value>(look: () => Value): Value | undefined {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      this.#reason = error.message;
      this.close();
      return undefined;
    }
  }

  #absent(): readonly Trouble[] {
    const why = this.#reason?.replace(/\.$/, '') ?? 'nobody has the log open';
    const remedy = 'The page goes on once it is opened';
    return [{ kind: 'not-open', severity: 'warning', text: printable(why), remedy }];
  }

  /** The latest look that is at least so old, or else the oldest of the same opening. */
  #lookBefore(nowMs: number, ageMs: number): Look | undefined {
    const old = this.#looks.findLast(({ atMs }) => atMs <= nowMs - ageMs);
    return (old ?? this.#looks[0])?.look;
  }

  #fill(slice: Bucket): void {
    this.#filling = this.#filling === undefined ? slice : mergedBucket(this.#filling, slice);
  }

  #endSecond(second: number): void {
    if (this.#filling === undefined || this.#filling.at === second) return;
    this.#history.add(this.#filling);
    this.#filling = undefined;
  }

  /**
   * How it is, and all seconds since `through` that have passed.
   * @param through the last second that is known already; undefined: begin with all there is
   */
  push(through: number | undefined): LogPush | undefined {
    if (this.#now === undefined) return undefined;
    const { fine, coarse } = this.#history;
    if (through === undefined) return { now: this.#now, fine, coarse };
    return { now: this.#now, fine: fine.filter(({ at }) => at > through) };
  }

  close(): void {
    this.#log?.close();
    this.#log = undefined;
    this.#forget();
  }

  /** Of another opening nothing can be compared with this one. */
  #forget(): void {
    this.#looks = [];
    this.#told = undefined;
  }
}

const areSame = (some: readonly Trouble[], others: readonly Trouble[]): boolean =>
  JSON.stringify(some) === JSON.stringify(others);

const printableTrouble = ({ kind, severity, text, remedy }: Trouble): Trouble => ({
  kind,
  severity,
  text: printable(text),
  remedy: printable(remedy),
});

function worst(standing: LogNow['standing'], troubles: readonly Trouble[]): LogNow['standing'] {
  const severities = troubles.map(({ severity }) => severity);
  if (standing === 'error' || severities.includes('error')) return 'error';
  return standing === 'warning' || severities.length > 0 ? 'warning' : 'well';
}
