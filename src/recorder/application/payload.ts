// What may be appended: checked by what the engine knows of it, before anything is reserved.
import { invalidArgument, type WalError } from '../../errors.js';
import { isBereft, kindOf, lengthOf } from '../../memory/typed-arrays.js';
import { describe } from './options.js';

// V8 puts a module's own constants into the code that it compiles; what is imported it loads and
// checks at each use.
const kind = kindOf;
const length = lengthOf;

/**
 * Bytes of `payload` now. Only another thread can change them before the caller gives control away,
 * and it can add some alone.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT for what is no Uint8Array, or has lost its
 * memory
 */
export function payloadBytesOf(payload: Uint8Array): number {
  if (kind(payload) !== 'Uint8Array') throw notBytes(payload);
  // No code of the array's runs here. But V8 learns what arrays come this way, and compiles the
  // next line to a load: without this one that is a call of 3 ns.
  void payload[0];
  const payloadBytes = length(payload);
  if (payloadBytes === 0 && isBereft(payload)) throw lostMemory();
  return payloadBytes;
}

function notBytes(payload: unknown): WalError {
  return invalidArgument(
    `A payload must be a Uint8Array, such as a Buffer; it is ${describe(payload)}.`,
  );
}

function lostMemory(): WalError {
  return invalidArgument(
    'The payload no longer has any memory: its buffer was transferred, or shrank to end before ' +
      'it. Append before you give the buffer away, or append a copy.',
  );
}
