// One file of the simulated disk: the bytes that the kernel has (cached) apart from those that the
// disk has (durable), by sectors of 512 bytes.
//
// What a crash may do to a sector that was written and not synced: keep it, drop it, or tear it
// into old and new bytes, or garbage where the two differ. Bytes that are the same before and after
// stay: blocks share sectors, and the log relies on drives not damaging what was synced before.
import type { Random } from '../../src/cli/demo/random.js';

export const SECTOR_BYTES = 512;

/** How many in 100 of what was not synced survives a crash, and how many in 100 sectors tear. */
export interface CrashChances {
  readonly kept: number;
  readonly torn: number;
}

const NOTHING_KEPT: CrashChances = { kept: 0, torn: 0 };

export class SimulatedFile {
  readonly kind = 'file';
  readonly inode: bigint;
  /** As the kernel has it. */
  bytes: Uint8Array = new Uint8Array(0);
  /** As the disk has it. */
  #durable: Uint8Array = new Uint8Array(0);
  readonly #dirtySectors = new Set<number>();
  /** Clean sectors hold what the disk does not have. */
  #hasLost = false;

  constructor(inode: bigint) {
    this.inode = inode;
  }

  resize(byteCount: number): void {
    const { length } = this.bytes;
    if (byteCount === length) return;
    this.bytes = resized(this.bytes, byteCount);
    // The disk may still have what was cut off there; now these are zeros that it does not have.
    this.#soil(length, Math.min(byteCount, this.#durable.length));
  }

  /** The disk does not have [from, end) as the kernel has it. */
  #soil(from: number, end: number): void {
    for (let sector = Math.floor(from / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      this.#dirtySectors.add(sector);
    }
  }

  write(part: Uint8Array, offset: number): void {
    if (part.length === 0) return;
    const end = offset + part.length;
    if (end > this.bytes.length) this.resize(end);
    this.bytes.set(part, offset);
    this.#soil(offset, end);
  }

  sync(): void {
    this.#durable = resized(this.#durable, this.bytes.length);
    for (const sector of this.#dirtySectors) this.#persist(sector);
    this.#dirtySectors.clear();
  }

  /**
   * A write-back that fails: some sectors reached the disk, none is dirty any more, and the length
   * stays as it was on the disk. A later sync returns and brings nothing.
   */
  loseDirtySectors(survives: () => boolean): void {
    this.#hasLost = true;
    for (const sector of this.#dirtySectors) if (survives()) this.#persist(sector);
    this.#dirtySectors.clear();
  }

  /** The kernel forgets all that is clean, and reads it from the disk again. */
  dropCache(): void {
    if (!this.#hasLost) return;
    this.#hasLost = false;
    const fresh = resized(this.#durable, this.bytes.length);
    for (const sector of this.#dirtySectors) {
      const start = sector * SECTOR_BYTES;
      fresh.set(this.bytes.subarray(start, start + SECTOR_BYTES), start);
    }
    this.bytes = fresh;
  }

  /** Only what was synced is left, or what `chances` leave of the rest. */
  crash(random?: Random, chances: CrashChances = NOTHING_KEPT): void {
    if (this.#isDurable) return;
    const isKept = (): boolean => random !== undefined && random.below(100) < chances.kept;
    if (this.#durable.length !== this.bytes.length && isKept()) {
      this.#durable = resized(this.#durable, this.bytes.length);
    }
    for (const sector of this.#dirtySectors) {
      if (random !== undefined && random.below(100) < chances.torn) this.#tear(sector, random);
      else if (isKept()) this.#persist(sector);
    }
    this.#dirtySectors.clear();
    this.#hasLost = false;
    this.bytes = this.#durable.slice();
  }

  get #isDurable(): boolean {
    const { length } = this.bytes;
    return !this.#hasLost && this.#dirtySectors.size === 0 && this.#durable.length === length;
  }

  /** The medium itself is damaged: nobody wrote, and every reader sees it. */
  damage(offset: number, part: Uint8Array): void {
    this.bytes.set(part, offset);
    if (this.#durable.length < this.bytes.length) {
      this.#durable = resized(this.#durable, this.bytes.length);
    }
    this.#durable.set(part, offset);
  }

  copy(): SimulatedFile {
    const copy = new SimulatedFile(this.inode);
    copy.bytes = this.bytes.slice();
    copy.#durable = this.#durable.slice();
    for (const sector of this.#dirtySectors) copy.#dirtySectors.add(sector);
    copy.#hasLost = this.#hasLost;
    return copy;
  }

  #persist(sector: number): void {
    const start = sector * SECTOR_BYTES;
    const end = Math.min(start + SECTOR_BYTES, this.#durable.length, this.bytes.length);
    if (end > start) this.#durable.set(this.bytes.subarray(start, end), start);
  }

  #tear(sector: number, random: Random): void {
    const start = sector * SECTOR_BYTES;
    const end = Math.min(start + SECTOR_BYTES, this.#durable.length, this.bytes.length);
    // New bytes stand in [from, to): a prefix, a suffix, a piece in the middle.
    const from = random.below(2) === 0 ? start : start + random.below(SECTOR_BYTES);
    const to = random.below(2) === 0 ? end : from + random.below(SECTOR_BYTES);
    const garbage = random.below(8) === 0;
    for (let at = start; at < end; at++) {
      if (this.bytes[at] === this.#durable[at]) continue;
      if (garbage) this.#durable[at] = random.below(256);
      else if (at >= from && at < to) this.#durable[at] = this.bytes[at] ?? 0;
    }
  }
}

function resized(bytes: Uint8Array, byteCount: number): Uint8Array {
  if (bytes.length === byteCount) return bytes;
  const copy = new Uint8Array(byteCount);
  copy.set(bytes.subarray(0, byteCount));
  return copy;
}
