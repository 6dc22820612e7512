// A credentials file of NATS: the token of a user and the seed of its key. It is read anew for each
// connection, as who manages such files replaces them while programs run.
import type { Authenticator } from '@nats-io/transport-node';
import { messageOf, systemCode, WalError } from '../../errors.js';
import { nodeStorage } from '../../storage/node-storage.js';
import { KIB } from '../../units.js';
import type { NatsPackages } from './nats-packages.js';

/** A token is a few hundred bytes. */
const MOST_BYTES = 64 * KIB;

/** @throws WalError ERR_FLASHSTRIKE_ACCESS, _IO, _INVALID_OPTION for what is no such file */
export function authenticatorOf(
  { credsAuthenticator }: NatsPackages['transport'],
  path: string,
): Authenticator {
  const authenticator = credsAuthenticator(() => contentOf(path));
  try {
    // As a server would: what is wrong with it is told before there is one.
    authenticator('nonce');
  } catch (error) {
    if (error instanceof WalError) throw error;
    throw new WalError(
      'ERR_FLASHSTRIKE_INVALID_OPTION',
      `${path} is no credentials file of NATS (${messageOf(error)}). It has the token of a user ` +
        'and its seed, as nsc generates it.',
      { path, cause: error },
    );
  }
  return authenticator;
}

function contentOf(path: string): Uint8Array {
  try {
    // Secrets that are mounted into a container are links.
    const fd = nodeStorage.open(nodeStorage.realPath(path) ?? path, 'read');
    try {
      const bytes = new Uint8Array(MOST_BYTES);
      return bytes.subarray(0, nodeStorage.read(fd, bytes, 0));
    } finally {
      nodeStorage.close(fd);
    }
  } catch (error) {
    const code = systemCode(error) === 'EACCES' ? 'ERR_FLASHSTRIKE_ACCESS' : 'ERR_FLASHSTRIKE_IO';
    const message = `The credentials file ${path} could not be read: ${messageOf(error)}`;
    throw new WalError(code, message, { path, cause: error });
  }
}
