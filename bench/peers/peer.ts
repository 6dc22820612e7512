// What the benchmarks compare with: one port, an adapter for each product. A peer that is not
// installed is skipped, with the reason in the table.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** What survives once {@link Store.record} is done. */
export type Survives = 'kill -9' | 'power cut';

export interface Peer {
  readonly name: string;
  readonly survives: Survives;
  /** Why it cannot run here. */
  readonly missing?: string | undefined;
  /** @param path a folder that exists and is empty */
  open(path: string): Promise<Store> | Store;
}

export interface Store {
  /** Done when the payload survives; nothing to wait for where the product blocks. */
  record(payload: Uint8Array): Promise<unknown> | undefined;
  /** The same for all of them, in the fastest way that the product has. */
  recordAll(payloads: readonly Uint8Array[]): Promise<unknown> | undefined;
  /** How many payloads are there, found by reading; then everything is closed. */
  countAndClose(): Promise<number> | number;
}

// From dist/bench/peers/ as well as from its source: the packages stand beside the package.json.
const HOME = new URL('../../../bench/peers/', import.meta.url);
const requirePeer = createRequire(fileURLToPath(new URL('package.json', HOME)));

/**
 * Why a package cannot be used; undefined when it can.
 * @param use throws if the package loads its native part only when it is used
 */
export function missingPackage(name: string, use = (): void => undefined): string | undefined {
  try {
    requirePeer(name);
    use();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'MODULE_NOT_FOUND'
      ? `${name} is not installed (npm ci --prefix bench/peers)`
      : `${name} cannot be loaded, ${code} (npm rebuild --prefix bench/peers)`;
  }
}

/** The caller says what of the package it uses: its types are not installed here. */
export const loadPeer = <T>(name: string): T => requirePeer(name) as T;
