// One process of a history, from its opening to its end: whose turn it is follows from the seed,
// between two system calls of another thread as well as behind its step.
import assert from 'node:assert/strict';
import type { Random } from '../../src/cli/demo/random.js';
import { isOperational, WalError } from '../../src/errors.js';
import { listLog } from '../../src/reading/log-directory.js';
import { resolveOptions } from '../../src/recorder/application/options.js';
import { offer } from '../../src/recorder/threads/prepared-segments.js';
import { replayThrough } from '../../src/replay/replay.js';
import { LogState } from '../../src/ring/ring-control.js';
import { preparedFileName } from '../../src/segment/file-names.js';
import { FRAME_HEADER_BYTES, frameSpan } from '../../src/segment/frame.js';
import { SEGMENT_HEADER_PAGE_BYTES } from '../../src/segment/segment-header.js';
import { KIB, PAGE_BYTES } from '../../src/units.js';
import { verifyThrough } from '../../src/verification/verify.js';
import type { SteppedLog } from '../support/stepped-log.js';
import { DIRECTORY, type Machine } from './machine.js';
import type { Oracle } from './oracle.js';
import { isThread, type Profile, type Thread, weighted } from './profile.js';
import type { Subject } from './subject.js';
import type { Upkeep } from './upkeep.js';

const BATCH_MAX = 5;
const FIRST_RECYCLED_TICKET = 2 ** 31;

export class Life {
  readonly #subject: Subject;
  readonly #upkeep: Upkeep;
  readonly #machine: Machine;
  readonly #random: Random;
  readonly #oracle: Oracle;
  readonly #profile: Profile;
  readonly #log: SteppedLog;
  readonly #trace: (line: string) => void;
  readonly #maxEventBytes: number;
  /** Threads that are in the middle of a call, and so do not run now. */
  readonly #busy = new Set<Thread>();
  /** What a thread found wrong while another one, which must not hide it, was in a call. */
  #error: unknown;
  /** Frames were put and not published: the process ends before it can. */
  mustCrash = false;
  #recycled = 0;
  issued = 0;
  reads = 0;
  stepsWithoutSpace = 0;

  constructor(subject: Subject, upkeep: Upkeep, profile: Profile, trace: (line: string) => void) {
    this.#subject = subject;
    this.#upkeep = upkeep;
    this.#machine = subject.machine;
    this.#random = subject.machine.random;
    this.#oracle = subject.oracle;
    this.#profile = profile;
    this.#log = subject.log;
    this.#trace = trace;
    this.#maxEventBytes = resolveOptions(profile.options).maxEventBytes;
  }

  async run(): Promise<void> {
    const { kernel, disk } = this.#machine;
    kernel.disturbance = this.#profile.disturbance;
    kernel.onSwitch = () => this.#runAny();
    kernel.onCall = ({ kind }) => {
      // Now and then the disk takes its time.
      if (kind === 'sync' && this.#random.below(50) === 0) this.#machine.clock.advanceMs(5000);
    };
    for (let steps = this.#random.below(this.#profile.steps); steps > 0; steps--) {
      const actor = weighted(this.#random, this.#profile.weights);
      if (actor === 'verifier') await this.#verify();
      else if (actor === 'consumer') await this.#consume();
      else this.#run(actor);
      if (this.#error !== undefined) throw this.#error;
      if (kernel.halted || this.mustCrash) break;
      this.#subject.observe();
      this.#checkFailure();
    }
    kernel.onSwitch = () => {};
    disk.capacityBytes = Number.POSITIVE_INFINITY;
  }

  #runAny(): void {
    const actor = weighted(this.#random, this.#profile.weights);
    if (isThread(actor)) this.#run(actor);
  }

  /** One step of a thread, unless it is in a call. */
  #run(actor: Thread): void {
    if (this.#busy.has(actor) || this.mustCrash) return;
    this.#busy.add(actor);
    this.#trace(`${'  '.repeat(this.#busy.size)}${actor}`);
    try {
      this.#step(actor);
    } catch (error) {
      if (!this.#machine.kernel.halted) this.#error ??= error;
    } finally {
      this.#busy.delete(actor);
    }
  }

  #step(actor: Thread): void {
    const random = this.#random;
    const act: Record<Thread, () => unknown> = {
      append: () => this.#append(random.below(300) === 0),
      writer: () => this.#stepWriter(),
      preparer: () => this.#log.stepPreparer(),
      recycler: () => this.#recycle(),
      housekeeping: () => this.#log.stepHousekeeping(),
      durable: () => this.#requestDurable(),
      clock: () => this.#moveClocks(),
      reader: () => this.#read(),
      space: () => this.#changeSpace(),
      maintainer: () => this.#upkeep.step(),
      deletion: () => this.#upkeep.deleteBefore(),
    };
    act[actor]();
  }

  /**
   * Hands the preparer a file as the maintainer does, of the size that it asks for. In it is the
   * worst that may be: blocks of this log, from a segment that is still there, as they stand in
   * it or moved by a few bytes, their events still in the log; or of another life, or noise.
   */
  #recycle(): void {
    const random = this.#random;
    const { disk } = this.#machine;
    const { signals } = this.#log;
    const segmentBytes = signals.get('recycledPages') * PAGE_BYTES;
    if (segmentBytes === 0) return;
    const { segments } = listLog(disk, DIRECTORY);
    const source = segments[random.below(Math.max(1, segments.length))];
    const content = new Uint8Array(segmentBytes);
    if (source !== undefined && random.below(8) !== 0) {
      const found = disk.contentOf(source.path);
      const shift = random.below(3) === 0 ? 8 * random.below(20) : 0;
      content.set(found.subarray(0, segmentBytes - shift), shift);
    } else for (let at = 0; at < segmentBytes; at++) content[at] = random.below(256);
    content.fill(0, 0, SEGMENT_HEADER_PAGE_BYTES);
    // Cut behind its blocks, as the maintainer does.
    const pages = segmentBytes / PAGE_BYTES;
    const writtenBytes = (random.below(3) === 0 ? 1 + random.below(pages) : pages) * PAGE_BYTES;
    const ticket = FIRST_RECYCLED_TICKET + this.#recycled++;
    const path = `${DIRECTORY}/${preparedFileName(ticket)}`;
    // A removed segment takes no space that it did not have.
    const hasRoom = disk.usedBytes + writtenBytes <= disk.capacityBytes;
    if (disk.statusAt(path) !== undefined || !hasRoom) return;
    const fd = disk.open(path, 'create');
    disk.write(fd, [content.subarray(0, writtenBytes)], 0);
    disk.sync(fd);
    const { inode } = disk.statusOf(fd);
    disk.close(fd);
    disk.syncDirectory(DIRECTORY);
    const segment = { ticket, inode, segmentBytes, writtenBytes, isRecycled: true };
    if (!offer(signals.recycledQueue, segment)) disk.unlink(path);
  }

  #moveClocks(): void {
    const { clock } = this.#machine;
    if (this.#random.below(50) === 0) this.#machine.stepWallClock();
    clock.advanceMs(this.#random.below(3) === 0 ? 1500 : 1);
  }

  #stepWriter(): void {
    const { kernel } = this.#machine;
    const hadFailed = this.#log.opened.writer.hasFailed;
    const calls = kernel.calls;
    this.#log.stepWriter();
    if (this.#log.opened.writer.spaceRefusal !== undefined) this.stepsWithoutSpace++;
    if (hadFailed) assert.equal(kernel.calls, calls, 'a log that has failed touches no file');
  }

  /** A failure comes from a call that failed, and is told as that. */
  #checkFailure(): void {
    const failure = this.#log.signals.failure.read();
    if (failure === undefined) return;
    assert.ok(this.#machine.kernel.faults > 0, `no call failed, yet: ${failure.stack}`);
    assert.ok(failure instanceof WalError, String(failure));
  }

  /** @param isCut the process ends between the frames and their publication */
  #append(isCut: boolean): void {
    const { memory } = this.#log;
    const state = Atomics.load(memory.words, memory.control.state);
    // As Wal.append: a log that has failed takes nothing more.
    if (state !== LogState.open && state !== LogState.noSpace) return;
    const random = this.#random;
    const sizes = [this.#payloadBytes()];
    if (random.below(4) === 0) {
      for (let more = random.below(BATCH_MAX); more > 0; more--) sizes.push(this.#payloadBytes());
    }
    const span = sizes.reduce((sum, bytes) => sum + frameSpan(FRAME_HEADER_BYTES + bytes), 0);
    if (span > frameSpan(FRAME_HEADER_BYTES + this.#maxEventBytes)) return;
    if (!this.#subject.append(sizes, !isCut)) return;
    if (isCut) this.mustCrash = true;
    else this.issued += sizes.length;
  }

  #payloadBytes(): number {
    const random = this.#random;
    const { smallPayloads, mediumPayloads } = this.#profile;
    const size = random.below(100);
    if (size < smallPayloads) return random.below(100);
    if (size < smallPayloads + mediumPayloads) return 100 + random.below(3000);
    return random.below(4) === 0 ? this.#maxEventBytes : random.below(this.#maxEventBytes);
  }

  #requestDurable(): void {
    const { signals, producer } = this.#log;
    // Of the last event, or of one before it.
    const eventId = producer.lastEventId - this.#random.halvings();
    if (eventId > signals.durableRequest) signals.requestDurable(eventId);
  }

  /** Runs out of space, or has some again. */
  #changeSpace(): void {
    const { disk } = this.#machine;
    if (disk.capacityBytes === Number.POSITIVE_INFINITY) {
      disk.capacityBytes = disk.usedBytes + this.#random.below(100 * KIB);
    } else disk.capacityBytes = Number.POSITIVE_INFINITY;
  }

  /** A reader of another process: a prefix, with all that was durable when it began. */
  #read(): void {
    const { kernel, readingPorts } = this.#machine;
    const durable = this.#log.durableEventId;
    const from = this.#firstToRead(durable);
    this.reads++;
    const { disturbance } = kernel;
    // Its own calls succeed; those of the threads that run in between may not, as always.
    kernel.disturbance = { ...disturbance, faults: 0 };
    try {
      const found = this.#oracle.check(replayThrough(readingPorts, DIRECTORY, { from }), from);
      // All but an empty last segment is removed.
      const last = found === 0 ? durable : found;
      this.#oracle.checkEnd(last);
      assert.ok(last >= durable, `event ${durable} was durable, a reader ends with ${last}`);
    } catch (error) {
      if (kernel.halted || !isOperational(error)) throw error;
      if (this.#isExpired(error)) return;
      throw new Error(`a reader of a sound log: ${error}`, { cause: error });
    } finally {
      kernel.disturbance = disturbance;
    }
  }

  /** Undefined: whatever is the first. */
  #firstToRead(durable: number): number | undefined {
    const random = this.#random;
    const { kept } = this.#oracle;
    if (random.below(2) === 0) return kept > 1 ? undefined : 1;
    return kept + random.below(Math.max(0, durable - kept + 1) + 1);
  }

  /** What is read may be removed meanwhile; then the reader learns where the log begins. */
  #isExpired(error: unknown): boolean {
    if (!(error instanceof WalError) || error.code !== 'ERR_FLASHSTRIKE_EXPIRED') return false;
    assert.ok((error.firstEventId ?? 1) <= this.#oracle.kept, String(error));
    return this.#oracle.kept > 1;
  }

  /** A consumer's calls; the threads of the log run in between. */
  async #consume(): Promise<void> {
    this.#trace('  consumer');
    await this.#upkeep.consumers.act();
  }

  async #verify(): Promise<void> {
    const { kernel, readingPorts } = this.#machine;
    const durable = this.#log.durableEventId;
    kernel.disturbance = { ...this.#profile.disturbance, faults: 0 };
    this.#trace('  verifier');
    try {
      const { ok, problems, notes, lastEventId } = await verifyThrough(readingPorts, DIRECTORY);
      assert.ok(ok, `a live log that is sound: ${JSON.stringify(problems)}`);
      // All that it had listed may be removed while it looks, which it says.
      const isOvertaken = notes.some((note) => note.includes('was removed while'));
      if (!isOvertaken || this.#oracle.kept <= lastEventId + 1) {
        assert.ok(lastEventId >= durable, `event ${durable} was durable, it saw ${lastEventId}`);
      }
      this.reads++;
    } catch (error) {
      if (!kernel.halted) throw error;
    } finally {
      kernel.disturbance = this.#profile.disturbance;
    }
  }
}
