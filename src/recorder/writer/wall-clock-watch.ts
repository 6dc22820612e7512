// A look, now and then, whether the wall clock still goes with the monotonic one. It does not after
// a suspend, a pause of the virtual machine, a step by NTP or by hand: then all threads of the log
// are told what the wall clock would have said at the log's anchor, and their timestamps go on from
// there. Both clocks are slewed alike, so nothing but a step moves one against the other.
import type { Clock } from '../../clock/clock.js';
import {
  anchorWallClock,
  publishWall,
  type WallAnchor,
  type WallClockMs,
  type WallLatch,
} from '../../clock/wall-clock.js';
import type { ManagerUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { NS_PER_MS } from '../../units.js';

const INTERVAL_NS = 100 * NS_PER_MS;
/** More than the millisecond that `Date.now` is behind, and what a look may take. */
const STEP_MS = 10;
/** A look that took longer was interrupted between the two clocks, and tells nothing. */
const LONGEST_LOOK_NS = 2 * NS_PER_MS;

export class WallClockWatch {
  readonly #clock: Clock;
  readonly #wallClockMs: WallClockMs;
  readonly #latch: WallLatch;
  readonly #telemetry: ManagerUpdater;
  readonly #anchorNs: number;
  /** What the wall clock would have said at the anchor. */
  #anchorMs: number;
  /** The clock at the last refresh of coarse time. */
  #refreshedNs = Number.NaN;
  readonly #keepsTime: boolean;
  #nextOffsetNs = 0;

  /** @param keepsTime the application takes its time from the offsets that are looked at here */
  constructor(
    clock: Clock,
    wallClockMs: WallClockMs,
    latch: WallLatch,
    telemetry: ManagerUpdater,
    anchor: WallAnchor,
    keepsTime: boolean,
  ) {
    this.#clock = clock;
    this.#wallClockMs = wallClockMs;
    this.#latch = latch;
    this.#telemetry = telemetry;
    this.#anchorNs = anchor.monotonicNs;
    this.#keepsTime = keepsTime;
    this.#anchorMs = Number(anchor.unixNs) / NS_PER_MS;
  }

  /**
   * Looks ten times a second at the most, however often it is called.
   * @param offsetNs how far the clock has moved since the anchor
   */
  look(offsetNs: number): void {
    if (this.#keepsTime) this.#tellRefresh(this.#anchorNs + offsetNs);
    if (offsetNs < this.#nextOffsetNs) return;
    this.#nextOffsetNs = offsetNs + INTERVAL_NS;
    const beforeNs = this.#clock.nowNs();
    const wallMs = this.#wallClockMs();
    const lookNs = this.#clock.nowNs() - beforeNs;
    if (lookNs > LONGEST_LOOK_NS) return;
    const expectedMs = this.#anchorMs + (beforeNs - this.#anchorNs) / NS_PER_MS;
    if (Math.abs(wallMs - expectedMs) >= STEP_MS) this.#follow();
  }

  #tellRefresh(nowNs: number): void {
    this.#telemetry.onCoarseTime(this.#refreshedNs, nowNs);
    this.#refreshedNs = nowNs;
  }

  #follow(): void {
    const { unixNs, monotonicNs } = anchorWallClock(this.#clock, this.#wallClockMs);
    const anchorNs = unixNs - BigInt(Math.round(monotonicNs - this.#anchorNs));
    this.#anchorMs = Number(anchorNs) / NS_PER_MS;
    publishWall(this.#latch, anchorNs);
    this.#telemetry.onWallClockStep();
  }
}
