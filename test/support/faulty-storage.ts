// A Storage in front of another one: it records every call, knows which descriptors are open, and
// fails the calls that a test names. A failed call does not reach the storage behind, unless the
// fault says what it does before it fails (a write torn in the middle, pages lost by a sync).
import { basename } from 'node:path';
import {
  type CallKind,
  InterposedStorage,
  type StorageCall,
  systemError,
  type WritePart,
} from './interposed-storage.js';

export interface Fault {
  /** The system code that the call fails with. */
  readonly code: string;
  /** Which calls it hits; by default all that count (see {@link FaultyStorage.counted}). */
  readonly when?: (call: StorageCall) => boolean;
  /** Hits begin with the n-th call that `when` accepts, counted from 1. Default 1. */
  readonly from?: number;
  /** How many calls it hits. Default: all from then on. */
  readonly times?: number;
  /** Done before the call fails. */
  readonly before?: (call: StorageCall) => void;
  /** A write that fails has put its first half on the disk, or so large a part of it: 0 to 1. */
  readonly torn?: boolean | number;
}

interface ArmedFault {
  readonly fault: Fault;
  matches: number;
  hits: number;
}

export class FaultyStorage extends InterposedStorage {
  readonly calls: StorageCall[] = [];
  /** Calls so far that can fail: all but `close`, after which a descriptor is gone in any case. */
  counted = 0;
  /** Called before each call, for instance to move a clock. */
  onCall: (call: StorageCall) => void = () => {};
  readonly #faults: ArmedFault[] = [];

  /** Arms a fault; returns how often it has hit, so that a test can tell that it did. */
  fail(fault: Fault): { readonly hits: number } {
    const armed = { fault, matches: 0, hits: 0 };
    this.#faults.push(armed);
    return armed;
  }

  /** All faults are gone. */
  heal(): void {
    this.#faults.length = 0;
  }

  /** The calls of some kinds as `kind name`, a write as `write name@offset`. */
  story(...kinds: readonly CallKind[]): string[] {
    return this.calls
      .filter(({ kind }) => kinds.length === 0 || kinds.includes(kind))
      .map(({ kind, path, target, offset }) => {
        const to = target === undefined ? '' : ` ${basename(target)}`;
        return `${kind} ${basename(path)}${offset === undefined ? '' : `@${offset}`}${to}`;
      });
  }

  protected override call<Result>(
    call: StorageCall,
    operation: () => Result,
    writePart: WritePart = () => {},
  ): Result {
    this.onCall(call);
    this.calls.push(call);
    if (call.kind !== 'close') this.counted++;
    for (const armed of this.#faults) {
      const { code, when, from = 1, times = Number.POSITIVE_INFINITY, before } = armed.fault;
      if (call.kind === 'close' || when?.(call) === false) continue;
      armed.matches++;
      if (armed.matches < from || armed.hits >= times) continue;
      armed.hits++;
      before?.(call);
      const { torn = 0 } = armed.fault;
      if (torn) writePart(Math.floor((call.bytes ?? 0) * (torn === true ? 0.5 : torn)));
      throw systemError(code, `${call.kind} ${call.path}`);
    }
    return operation();
  }
}
