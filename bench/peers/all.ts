// All that is compared, ours first.
import { OURS } from './flashstrike.js';
import type { Peer } from './peer.js';
import { PLAIN_FILES } from './plain-file.js';
import { SQLITES } from './sqlite.js';
import { STORES } from './stores.js';

export const PEERS: readonly Peer[] = [...OURS, ...PLAIN_FILES, ...SQLITES, ...STORES];

/** @throws Error if there is no such peer: a name has been changed in one place only */
export function peerNamed(name: string): Peer {
  const peer = PEERS.find((each) => each.name === name);
  if (peer === undefined) throw new Error(`there is no peer '${name}'`);
  return peer;
}
