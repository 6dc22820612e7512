// Which stream a command means, as it was typed.
import { type BlockStream, natsStream } from '../../nats.js';

export interface StreamOptions {
  /** `host:port` each. */
  readonly nats: readonly string[];
  readonly stream: string;
  readonly credentials?: string | undefined;
}

/** @param createOn make it if it is not there, on so many servers */
export function streamToWrite(
  { nats, stream, credentials }: StreamOptions,
  createOn: number | undefined,
): BlockStream {
  const made = createOn === undefined ? {} : { replicas: createOn, create: {} };
  return natsStream({ servers: nats, stream, credentials, ...made });
}

/** For who only reads it matters little on how many servers it is. */
export const streamToRead = ({ nats, stream, credentials }: StreamOptions): BlockStream =>
  natsStream({ servers: nats, stream, credentials, replicas: 1 });
