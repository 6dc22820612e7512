// The client of NATS is no dependency: who replicates installs it. It is loaded when a stream is
// first used.
import { codeOf, WalError } from '../../errors.js';

const NAMES = ['@nats-io/jetstream', '@nats-io/transport-node'] as const;

export interface NatsPackages {
  readonly jetstream: typeof import('@nats-io/jetstream');
  readonly transport: typeof import('@nats-io/transport-node');
}

/**
 * @param load the two packages; a test has them missing
 * @throws WalError ERR_FLASHSTRIKE_PACKAGE_MISSING
 */
export async function loadNats(
  load: () => Promise<NatsPackages> = async () => ({
    jetstream: await import('@nats-io/jetstream'),
    transport: await import('@nats-io/transport-node'),
  }),
): Promise<NatsPackages> {
  try {
    return await load();
  } catch (error) {
    const isMissing = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(codeOf(error) ?? '');
    if (!isMissing) throw error;
    const message = `A stream on NATS needs two packages: npm install ${NAMES.join(' ')}`;
    throw new WalError('ERR_FLASHSTRIKE_PACKAGE_MISSING', message, { cause: error });
  }
}
