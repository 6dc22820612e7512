// The hash of a state, as the application tells it.
import { WalError } from '../errors.js';
import { xxh64 } from '../segment/checksum.js';
import { isAbandoned } from './abandoned-promise.js';
import type { MachineDefinition } from './machine-options.js';

/**
 * 64 bits; undefined where the application gives none.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION for what is no hash; what `hash` throws
 */
export function stateHashOf<State extends object>(
  { hash }: Pick<MachineDefinition<State>, 'hash'>,
  state: State,
): bigint | undefined {
  if (hash === undefined) return undefined;
  const value: unknown = hash(state);
  if (typeof value === 'bigint') return BigInt.asUintN(64, value);
  if (typeof value === 'string') return xxh64(Buffer.from(value), 0n);
  if (value instanceof Uint8Array) return xxh64(value, 0n);
  const returned = isAbandoned(value) ? 'a promise' : typeof value;
  const message = `hash must return a bigint, text or a Uint8Array; it returned ${returned}.`;
  throw new WalError('ERR_FLASHSTRIKE_INVALID_OPTION', message);
}
