// Feeds a stream with the durable blocks of a log: each event once and in order, whatever fails.
//
// One block is in flight. Each is appended by compare-and-swap on the sequence of the one before,
// so of several who write to a stream one has its way. What became of a block whose answer was
// lost, the stream's last block tells: it is that block, or the one before it, or somebody else's.
// But that answer is a hint. Two things only are certain: an epoch above one's own, and an append
// that was accepted. So whoever finds the stream anywhere else than where it left it claims it, by
// a block of a new epoch, and goes on behind what that claim was accepted behind.
import { assert, WalError } from '../errors.js';
import { xxh64 } from '../segment/checksum.js';
import { NS_PER_MS } from '../units.js';
import { type BlockStream, StreamFailure } from './block-stream.js';
import { checkContent, isDeposed } from './claim-judgement.js';
import type { LocalLog } from './local-log.js';
import { type OutgoingRun, OutgoingRuns } from './outgoing-runs.js';
import type { ReplicatorObserver, ReplicatorOptions, ReplicatorPorts } from './replicator-ports.js';
import { type ClaimedPlace, Sent } from './sent-block.js';
import {
  encodeMark,
  type LastRun,
  MAX_RUN_BYTES,
  MIN_STREAM_BLOCK_BYTES,
  STREAM_HEADER_BYTES,
  StreamKind,
} from './stream-block.js';
import { fenced, replicaGap, uselessStream } from './stream-failures.js';
import { endOf, lastRunOf, NO_RUN, type StreamEnd, type StreamTip } from './stream-tip.js';

const BACK_OFF_MS_MIN = 20;
const BACK_OFF_MS_MAX = 1_000;

export class Replicator {
  readonly #log: LocalLog;
  readonly #stream: BlockStream;
  readonly #ports: ReplicatorPorts;
  readonly #observer: ReplicatorObserver;
  readonly #options: ReplicatorOptions;
  readonly #claimant: bigint;
  /** Behind the last append that is known to have been accepted; undefined before the first. */
  #tip: StreamTip | undefined;
  #run: LastRun = NO_RUN;
  /** Appends without an answer, any of which may still be stored. */
  #unanswered: Sent[] = [];
  /** The highest epoch that was asked for. */
  #askedEpoch = 0;
  /** When the last attempt was sent, of `performance.now()`. */
  #sentMs = 0;
  #confirmedEventId = 0;
  /** The first event of the stream, where this one sent it. */
  #startEventId: number | undefined;
  /** Who had the stream when a takeover was decided. */
  #predecessor: StreamEnd | undefined;
  #maxPayloadBytes = 0;
  #failures = 0;

  constructor(
    log: LocalLog,
    stream: BlockStream,
    ports: ReplicatorPorts,
    observer: ReplicatorObserver,
    options: ReplicatorOptions,
  ) {
    this.#log = log;
    this.#stream = stream;
    this.#ports = ports;
    this.#observer = observer;
    this.#options = options;
    this.#claimant = ports.random64();
  }

  /**
   * Resolves once it was stopped and nothing is in flight.
   * @throws WalError ERR_FLASHSTRIKE_FENCED, _DIVERGED, _REPLICA_GAP, _CORRUPT, and what reading
   * the log or the stream throws
   */
  async run(): Promise<void> {
    this.#observer.onActivity('claiming');
    await this.#locate();
    while (!this.#isStopped && this.#tip !== undefined) {
      const runs = new OutgoingRuns(this.#log, this.#tip.nextEventId, this.#maxPayloadBytes);
      const onStop = (): void => runs.wake();
      this.#options.signal.addEventListener('abort', onStop);
      try {
        await this.#feed(runs);
      } finally {
        this.#options.signal.removeEventListener('abort', onStop);
        runs.close();
      }
    }
  }

  get #isStopped(): boolean {
    return this.#options.signal.aborted;
  }

  /** Sends what comes, until it is stopped or the stream is anywhere else than it was left. */
  async #feed(runs: OutgoingRuns): Promise<void> {
    while (!this.#isStopped) {
      const run = this.#taken(runs);
      const isOn = run === undefined ? await this.#rest(runs) : await this.#send(run);
      if (!isOn) return;
    }
  }

  #taken(runs: OutgoingRuns): OutgoingRun | undefined {
    try {
      return runs.take();
    } catch (error) {
      if (!(error instanceof WalError) || error.code !== 'ERR_FLASHSTRIKE_EXPIRED') throw error;
      throw this.#gap(this.#tipNow.nextEventId);
    }
  }

  /** Nothing is to be sent: waits, and then sends a checkpoint. */
  async #rest(runs: OutgoingRuns): Promise<boolean> {
    this.#observer.onActivity('following');
    const timer = new AbortController();
    let isDue = false;
    const paused = this.#ports.pause(this.#options.checkpointMs, timer.signal).then(() => {
      isDue = !timer.signal.aborted;
      runs.wake();
    });
    await runs.ready();
    // With a reason of its own: to make one costs more than all the rest of it.
    timer.abort(this.#log.dir);
    await paused;
    if (!isDue || this.#isStopped) return true;
    return this.#append(this.#mark(StreamKind.checkpoint, this.#tipNow, this.#run));
  }

  async #send(run: OutgoingRun): Promise<boolean> {
    const { frames, firstEventId, eventCount } = run;
    assert(firstEventId === this.#tipNow.nextEventId, 'events are sent in order');
    const partBytes = this.#maxPayloadBytes;
    this.#observer.onActivity(frames.length >= partBytes / 2 ? 'catching-up' : 'following');
    this.#observer.onSending(run);
    const startMs = performance.now();
    const parts = Math.ceil(frames.length / partBytes);
    const whole = { kind: StreamKind.events, part: 0, parts: 0, firstEventId, eventCount };
    for (let part = 1; part <= parts; part++) {
      const payload = frames.subarray((part - 1) * partBytes, part * partBytes);
      const fields = parts === 1 ? whole : { ...whole, kind: StreamKind.part, part, parts };
      const { epoch } = this.#tipNow;
      const sent = new Sent(this.#tipNow, { ...fields, payload, epoch, logId: this.#log.logId });
      if (!(await this.#append(sent))) return false;
    }
    this.#run = { firstEventId, eventCount, checksum: xxh64(frames, 0n) };
    this.#confirmedEventId = firstEventId + eventCount - 1;
    this.#observer.onConfirmed(run, performance.now() - startMs);
    return true;
  }

  /**
   * Appends a block behind the tip, and repeats it as it is until it is known to be stored.
   * @returns false where it was stopped, or the stream went elsewhere and was claimed there
   */
  async #append(sent: Sent): Promise<boolean> {
    const tip = this.#tipNow;
    this.#unanswered.push(sent);
    for (;;) {
      if (await this.#isAccepted(sent)) {
        this.#accepted(sent);
        this.#observer.onProven(this.#sentMs);
        return true;
      }
      if (this.#isStopped) return false;
      await this.#locate();
      if (this.#tip?.checksum === sent.tip.checksum) return true;
      if (this.#tip !== tip || this.#isStopped) return false;
    }
  }

  /** One attempt; false: it was not accepted, or nobody knows. Pauses then. */
  async #isAccepted({ bytes, expected }: Sent): Promise<boolean> {
    try {
      this.#sentMs = performance.now();
      const sequence = await this.#stream.append(bytes, expected);
      if (sequence === expected + 1) {
        this.#failures = 0;
        return true;
      }
      const place = `block ${sequence}, expected behind ${expected}`;
      await this.#failed(new StreamFailure('conflict', `stored as ${place}`));
    } catch (error) {
      await this.#failed(error);
    }
    return false;
  }

  /** Finds where the stream ends, and claims it unless that is where this one left it. */
  async #locate(): Promise<void> {
    while (!this.#isStopped) {
      const found = await this.#look();
      if (found === undefined) continue;
      const { end, run } = found;
      if (this.#isLeftAt(end)) return;
      this.#observer.onActivity('claiming');
      const claim = this.#unansweredClaim(end) ?? this.#claimBehind(end, run);
      if (await this.#isAccepted(claim)) {
        this.#accepted(claim);
        this.#observer.onProven(this.#sentMs);
        return;
      }
    }
  }

  /** What the engine tells; undefined after a failure, which was paused for. */
  async #look(): Promise<{ readonly end: StreamEnd; readonly run: LastRun } | undefined> {
    const { name } = this.#stream;
    try {
      const position = await this.#stream.position();
      const { maxBlockBytes } = position;
      if (maxBlockBytes < MIN_STREAM_BLOCK_BYTES) throw uselessStream(name, maxBlockBytes);
      this.#maxPayloadBytes = Math.min(maxBlockBytes - STREAM_HEADER_BYTES, MAX_RUN_BYTES) & -8;
      const end = endOf(name, position);
      return { end, run: await lastRunOf(this.#stream, end) };
    } catch (error) {
      await this.#failed(error);
      return undefined;
    }
  }

  /** Whether the stream ends where it was left, or behind a block that had no answer. */
  #isLeftAt({ sequence, checksum }: StreamEnd): boolean {
    const tip = this.#tip;
    if (tip?.sequence === sequence && tip.checksum === checksum) return true;
    const sent = this.#unanswered.find((each) => each.tip.checksum === checksum);
    if (sent === undefined || sent.tip.sequence !== sequence) return false;
    // A block of before the stream was thrown back, which stands behind others now, is none of
    // ours.
    if (sent.place === undefined && sent.previousChecksum !== tip?.checksum) return false;
    this.#observer.onFoundStored();
    this.#failures = 0;
    this.#accepted(sent);
    return true;
  }

  /** The last claim, if it was behind the same block: it is tried again as it is. */
  #unansweredClaim({ sequence, checksum }: StreamEnd): Sent | undefined {
    return this.#unanswered.find(
      ({ place, expected, previousChecksum, tip }) =>
        place !== undefined &&
        expected === sequence &&
        previousChecksum === checksum &&
        tip.epoch === this.#askedEpoch,
    );
  }

  /** @throws WalError ERR_FLASHSTRIKE_FENCED, _DIVERGED */
  #claimBehind(end: StreamEnd, run: LastRun): Sent {
    const { name } = this.#stream;
    const { takeover } = this.#options;
    const knowledge = {
      tip: this.#tip,
      askedEpoch: this.#askedEpoch,
      predecessor: this.#predecessor,
      takeover,
    };
    if (isDeposed(this.#log, end, knowledge)) {
      this.#observer.onFenced(end.logId, end.epoch);
      throw fenced(name, this.#log.dir, end.logId, end.epoch);
    }
    // Without the block, which may be large: the place is kept as long as the claim.
    const kept = { ...end, block: undefined };
    if (end.sequence > 0) this.#predecessor ??= kept;
    const isKnown = checkContent(name, this.#log, end, run, this.#tip !== undefined);
    // What was compared may be removed soon: its file must not be held open.
    this.#log.close();
    this.#askedEpoch = Math.max(this.#askedEpoch, end.epoch) + 1;
    const place = { end: kept, run, isKnown };
    const claim = this.#mark(StreamKind.claim, end, run, this.#askedEpoch, place);
    this.#unanswered.push(claim);
    return claim;
  }

  #mark(
    kind: number,
    behind: StreamTip,
    run: LastRun,
    epoch = behind.epoch,
    place?: ClaimedPlace,
  ): Sent {
    const firstEventId = behind.nextEventId === 0 ? this.#log.firstEventId() : behind.nextEventId;
    const payload = encodeMark({
      claimant: this.#claimant,
      timestampNs: BigInt(Math.round(this.#ports.wallClockMs())) * BigInt(NS_PER_MS),
      run: run.eventCount === 0 ? { ...run, firstEventId } : run,
    });
    const ids = { firstEventId, eventCount: 0, part: 0, parts: 0 };
    const { logId } = this.#log;
    return new Sent(behind, { kind, logId, epoch, ...ids, payload }, place);
  }

  /** The stream has a block of ours: the tip moves behind it. */
  #accepted({ tip, place }: Sent): void {
    this.#tip = tip;
    // What can be stored no more is forgotten.
    this.#unanswered = this.#unanswered.filter(({ expected }) => expected >= tip.sequence);
    if (place === undefined) return;
    const { end, run, isKnown } = place;
    const confirmed = tip.nextEventId - 1;
    if (confirmed < this.#confirmedEventId) {
      this.#observer.onRegression(this.#confirmedEventId, confirmed);
    }
    const first = this.#log.firstEventId();
    const isAnew = end.sequence === 0 && this.#confirmedEventId === 0;
    if (isAnew) this.#startEventId = first;
    const isWhole = end.sequence > 0 || first <= (this.#startEventId ?? 1);
    this.#run = run;
    this.#confirmedEventId = confirmed;
    // Before anybody is told: what is behind a gap is not replicated.
    if (first > tip.nextEventId || !isKnown || !isWhole) throw this.#gap(tip.nextEventId);
    this.#observer.onClaimed(tip.epoch, confirmed);
  }

  #gap(nextEventId: number): WalError {
    const { dir } = this.#log;
    return replicaGap(this.#stream.name, dir, nextEventId, this.#log.firstEventId());
  }

  get #tipNow(): StreamTip {
    assert(this.#tip !== undefined, 'the stream was claimed');
    return this.#tip;
  }

  /** Something failed that passes: longer pauses each time, as none of it helps a busy engine. */
  async #failed(error: unknown): Promise<void> {
    if (!(error instanceof StreamFailure)) throw error;
    this.#observer.onFailure(error.reason, error.message);
    this.#observer.onActivity('waiting');
    const ms = Math.min(BACK_OFF_MS_MAX, BACK_OFF_MS_MIN * 2 ** this.#failures);
    this.#failures++;
    await this.#ports.pause(ms, this.#options.signal);
  }
}
