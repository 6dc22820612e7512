// An engine in memory that fails as engines do. Requests and answers get lost or late, an append
// that was given up is stored later, a node that lost its disk answers "empty", a conflict is told
// where nothing is stored, and all of it may be thrown back to where it was before.
import type {
  BlockStream,
  StoredBlock,
  StreamPosition,
} from '../../src/replication/block-stream.js';
import { StreamFailure } from '../../src/replication/block-stream.js';
import { decodeStreamBlock, nextEventIdBehind } from '../../src/replication/stream-block.js';
import { type StreamRun, StreamWalk } from '../../src/replication/stream-walk.js';
import { isDefect } from '../../src/segment/defect.js';
import type { Turns } from './turns.js';

export class MemoryStream {
  readonly name = 'memory';
  readonly #turns: Turns;
  readonly maxBlockBytes: number;
  blocks: Uint8Array[] = [];
  /** So many of 100 calls fail in one way or another. */
  trouble = 0;
  wasThrownBack = false;
  #life = 0;

  constructor(turns: Turns, maxBlockBytes: number) {
    this.#turns = turns;
    this.maxBlockBytes = maxBlockBytes;
  }

  /** A connection; of one that is cut nothing is heard any more, yet what was sent may arrive. */
  connect(): BlockStream & { cut(): void } {
    let isCut = false;
    let life = -1;
    const turn = async (): Promise<void> => {
      await this.#turns.later();
      if (isCut) await new Promise(() => {});
    };
    return {
      name: this.name,
      position: () => {
        life = this.#life;
        return this.#position(turn);
      },
      append: async (block, expected) => {
        if (life !== this.#life) throw new StreamFailure('unavailable', 'a new connection');
        return this.#append(block, expected, turn);
      },
      read: (from) => this.#read(from, turn),
      close: async () => {},
      cut: () => {
        isCut = true;
      },
    };
  }

  /** As after a power failure of all nodes: nothing that was under way arrives. */
  throwBack(sequence: number): void {
    this.blocks.length = Math.min(this.blocks.length, sequence);
    this.wasThrownBack = true;
    this.#life++;
  }

  /** The last event that it holds, as its last block tells. */
  get lastEventId(): number {
    const bytes = this.blocks.at(-1);
    const block = bytes && decodeStreamBlock(bytes);
    return block === undefined || isDefect(block) ? 0 : nextEventIdBehind(block) - 1;
  }

  /** All that it holds, read as strictly as can be. */
  runs(): { readonly walk: StreamWalk; readonly runs: readonly StreamRun[] } {
    const walk = new StreamWalk(this.name);
    const runs = this.blocks
      .map((bytes, index) => walk.take({ sequence: index + 1, bytes }))
      .filter((run) => run !== undefined);
    return { walk, runs };
  }

  async #position(turn: () => Promise<void>): Promise<StreamPosition> {
    await turn();
    if (this.#turns.chance(this.trouble / 2)) throw new StreamFailure('unavailable', 'no answer');
    const sequence = this.#turns.chance(this.trouble) ? this.#stale() : this.blocks.length;
    const block = received(this.blocks[sequence - 1]);
    await turn();
    return { firstSequence: 1, sequence, block, maxBlockBytes: this.maxBlockBytes };
  }

  #stale(): number {
    return this.#turns.chance(40) ? 0 : this.#turns.between(0, this.blocks.length);
  }

  async #append(block: Uint8Array, expected: number, turn: () => Promise<void>): Promise<number> {
    const life = this.#life;
    const bytes = block.slice();
    const store = (): number => {
      if (expected !== this.blocks.length || life !== this.#life) {
        throw new StreamFailure('conflict', `ends with ${this.blocks.length}, not ${expected}`);
      }
      return this.blocks.push(bytes);
    };
    const storeLater = (): void => {
      if (expected === this.blocks.length && life === this.#life) store();
    };
    await this.#turns.later();
    if (this.#turns.chance(this.trouble)) {
      const fault = this.#turns.below(5);
      if (fault === 0) throw new StreamFailure('full', 'no room');
      if (fault === 1) throw new StreamFailure('conflict', 'another proposal hangs');
      if (fault === 2) store();
      if (fault === 3) this.#turns.add(storeLater);
      await turn();
      throw new StreamFailure('timeout', 'no answer');
    }
    const sequence = store();
    await turn();
    return sequence;
  }

  async *#read(from: number, turn: () => Promise<void>): AsyncGenerator<StoredBlock> {
    await turn();
    if (this.#turns.chance(this.trouble / 2)) throw new StreamFailure('unavailable', 'no answer');
    const end = this.#turns.chance(this.trouble) ? this.#stale() : this.blocks.length;
    for (let sequence = from; sequence <= end; sequence++) {
      const bytes = received(this.blocks[sequence - 1]);
      if (bytes === undefined) return;
      yield { sequence, bytes };
    }
  }
}

/** As a client of an engine hands it out: somewhere in a buffer of what has come. */
function received(bytes: Uint8Array | undefined): Buffer | undefined {
  if (bytes === undefined) return undefined;
  const buffer = Buffer.allocUnsafe(bytes.length + 3);
  buffer.set(bytes, 3);
  return buffer.subarray(3);
}
