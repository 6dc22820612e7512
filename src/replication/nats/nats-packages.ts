// The client of NATS, which is loaded when a stream is first used.
import { loadOptional } from '../optional-packages.js';

const NAMES = ['@nats-io/jetstream', '@nats-io/transport-node'] as const;

export interface NatsPackages {
  readonly jetstream: typeof import('@nats-io/jetstream');
  readonly transport: typeof import('@nats-io/transport-node');
}

/**
 * @param load the two packages; a test has them missing
 * @throws WalError ERR_FLASHSTRIKE_PACKAGE_MISSING
 */
export const loadNats = (
  load: () => Promise<NatsPackages> = async () => ({
    jetstream: await import('@nats-io/jetstream'),
    transport: await import('@nats-io/transport-node'),
  }),
): Promise<NatsPackages> => loadOptional(load, 'A stream on NATS', NAMES);
