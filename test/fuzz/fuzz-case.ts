// One damaged log, read, verified, salvaged and opened. Whoever reads it must end, with a refusal
// that has a code or with a sound result; give out no event that was not written; and change
// nothing that was refused. A log that opens goes on: the next event is there after a close.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Random } from '../../src/cli/demo/random.js';
import { WalError } from '../../src/errors.js';
import type { LoggedEvent } from '../../src/reading/events.js';
import type { RecoveryMode } from '../../src/recovery/recover-log.js';
import { replayThrough } from '../../src/replay/replay.js';
import { salvageThrough } from '../../src/salvage/salvage.js';
import { META_FILE } from '../../src/segment/file-names.js';
import { MIB } from '../../src/units.js';
import { verifyThrough } from '../../src/verification/verify.js';
import { snapshot } from '../simulation/damage.js';
import { DIRECTORY, Machine } from '../simulation/machine.js';
import { pick } from '../simulation/profile.js';
import type { SimulatedDisk } from '../simulation/simulated-disk.js';
import { payloadOf } from '../support/log-builder.js';
import { SteppedLog } from '../support/stepped-log.js';
import { type Damaged, mutate } from './mutations.js';
import { packOne } from './packing.js';
import { reseal } from './reseal.js';
import { type Image, randomOf, type Specimen } from './specimen.js';

/** No reader of logs this small needs so many; an endless loop that reads meets it. */
const CALLS_MAX = 20_000;
/** No single read is larger, whatever length a file claims. */
const READ_BYTES_MAX = 2 * MIB;
const NEXT_PAYLOAD_BYTES = 100;

export interface FuzzResult {
  readonly forged: number;
  readonly opened: number;
  readonly eventsChecked: number;
  /** What was said of the damage, without its numbers. */
  readonly sayings: readonly string[];
}

export class FuzzCase {
  readonly trace: string[];
  readonly #random: Random;
  readonly #specimen: Specimen;
  readonly #damaged: Damaged;
  /** Checksums were made right again, or what has none was changed: contents prove nothing. */
  readonly #isForged: boolean;
  readonly #machine: Machine;
  readonly #sayings = new Set<string>();
  #eventsChecked = 0;

  constructor(seed: number, specimens: readonly Specimen[]) {
    const random = randomOf(seed);
    this.#random = random;
    this.#specimen = pick(random, specimens);
    this.#damaged = mutate(random, this.#specimen);
    const { image, segments, trace } = this.#damaged;
    const checksums = pick(random, ['left', 'renewed', 'renewed', 'relinked', 'relinked'] as const);
    this.trace = [...trace, `checksums ${checksums}`];
    if (checksums !== 'left') {
      reseal(image, join(DIRECTORY, META_FILE), segments, checksums === 'relinked');
    }
    const packed = random.below(3) === 0 ? packOne(random, image) : undefined;
    if (packed !== undefined) this.trace.push(packed);
    this.#isForged = checksums !== 'left' || this.#hasOtherRegion();
    this.#machine = this.#machineOf(image);
  }

  #hasOtherRegion(): boolean {
    const { regionPath, image } = this.#specimen;
    if (regionPath === undefined) return false;
    const sound = image.get(regionPath) ?? new Uint8Array(0);
    const bytes = this.#damaged.image.get(regionPath);
    return bytes === undefined || Buffer.compare(bytes, sound) !== 0;
  }

  #machineOf(image: Image): Machine {
    const { subject, regionPath } = this.#specimen;
    const disk = subject.machine.disk.copy();
    for (const { name } of disk.list(DIRECTORY)) {
      const path = join(DIRECTORY, name);
      if (!image.has(path)) disk.unlink(path);
    }
    const machine = new Machine(this.#random, disk, subject.machine.regions);
    for (const [path, bytes] of image) {
      if (path === regionPath) machine.regions.replace(path, bytes.slice());
      else put(disk, path, bytes);
    }
    let calls = 0;
    machine.kernel.onCall = ({ kind, bytes = 0 }) => {
      assert.ok(++calls < CALLS_MAX, 'it calls the system without end');
      if (kind === 'read') assert.ok(bytes <= READ_BYTES_MAX, `a read of ${bytes} bytes`);
    };
    return machine;
  }

  async run(): Promise<FuzzResult> {
    const ports = this.#machine.readingPorts;
    await this.#attemptLater(async () => {
      const { problems, verdict } = await verifyThrough(ports, DIRECTORY);
      this.#say(`verify ${verdict}`);
      for (const { code, message } of problems) this.#say(`verify ${code} ${message}`);
    });
    this.#attempt('replay', () => this.#checkAll(replayThrough(ports, DIRECTORY), true));
    this.#attempt('salvage', () => this.#checkAll(this.#salvaged(), false));
    const opened = this.#open();
    return {
      forged: this.#isForged ? 1 : 0,
      opened: opened ? 1 : 0,
      eventsChecked: this.#eventsChecked,
      sayings: [...this.#sayings],
    };
  }

  *#salvaged(): Generator<LoggedEvent> {
    for (const item of salvageThrough(this.#machine.readingPorts, DIRECTORY)) {
      if (item.kind === 'event') yield item;
      else this.#say(`gap ${item.code} ${item.message}`);
    }
  }

  /** Ids ascend, one by one in a log; what was not forged is what was written. */
  #checkAll(events: Iterable<LoggedEvent>, isGapFree: boolean): void {
    let previous: number | undefined;
    for (const event of events) {
      const { eventId } = event;
      if (previous !== undefined) {
        const follows = isGapFree ? eventId === previous + 1 : eventId > previous;
        assert.ok(follows, `event ${eventId} behind event ${previous}`);
      }
      previous = eventId;
      if (!this.#isForged) this.#specimen.subject.oracle.check([event], eventId);
      this.#eventsChecked++;
    }
  }

  /** Whether the log opens. */
  #open(): boolean {
    const machine = this.#machine;
    const before = snapshot(machine.disk);
    const recovery = pick(this.#random, ['default', 'strict', 'tolerate-tail'] as RecoveryMode[]);
    const options = { recovery, sharedMemory: 'required' } as const;
    const open = (): SteppedLog =>
      new SteppedLog(
        { ...machine.ports(), adoptRegion: (handle) => machine.regions.adopt(handle) },
        DIRECTORY,
        options,
      );
    const log = this.#attempt('open', open);
    if (log === undefined) {
      const after = snapshot(machine.disk);
      assert.deepEqual([...after.keys()], [...before.keys()], 'a refused open changed the names');
      for (const [name, bytes] of after) {
        assert.ok(before.get(name)?.equals(bytes), `a refused open changed ${name}`);
      }
      return false;
    }
    for (const note of log.recovery.notes) this.#say(`note ${note}`);
    this.#goOn(log);
    return true;
  }

  #goOn(log: SteppedLog): void {
    const id = this.#attempt('append', () => log.append(NEXT_PAYLOAD_BYTES));
    if (id === undefined) return;
    assert.equal(log.commit(), id);
    log.close();
    const ports = this.#machine.readingPorts;
    // Where an earlier segment is damaged, the open did not look at it; who reads past it is told.
    const events = this.#attempt('go on', () => [...replayThrough(ports, DIRECTORY, { from: id })]);
    if (events === undefined) return;
    assert.equal(events.length, 1, 'the next event is the last one');
    assert.equal(events[0]?.eventId, id);
    const payload = payloadOf(id, NEXT_PAYLOAD_BYTES);
    assert.deepEqual(Buffer.from(events[0]?.payload ?? []), Buffer.from(payload));
  }

  /** What it returns; undefined where it is refused with a code. Any other error is a fault. */
  #attempt<Result>(what: string, action: () => Result): Result | undefined {
    try {
      return action();
    } catch (error) {
      this.#refused(what, error);
      return undefined;
    }
  }

  async #attemptLater(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#refused('verify', error);
    }
  }

  #refused(what: string, error: unknown): void {
    if (!(error instanceof WalError)) throw error;
    this.#say(`${what} ${error.code} ${error.message}`);
  }

  #say(text: string): void {
    this.#sayings.add(text.replace(/[0-9a-f-]{30,}|\d+/g, '#').replace(/ +/g, ' '));
  }
}

function put(disk: SimulatedDisk, path: string, bytes: Uint8Array): void {
  const fd = disk.open(path, 'open-or-create');
  disk.truncate(fd, bytes.length);
  disk.write(fd, [bytes], 0);
  disk.sync(fd);
  disk.close(fd);
}
