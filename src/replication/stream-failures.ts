// What ends replication, reading back or an audit, as errors that name the stream, the place in it
// and what to do.
import { WalError } from '../errors.js';
import { hexOf64 } from '../units.js';

/** Events as a sentence names them. */
export const eventsNamed = (firstEventId: number, eventCount: number): string =>
  eventCount === 1
    ? `event ${firstEventId}`
    : `events ${firstEventId} to ${firstEventId + eventCount - 1}`;

export const damagedStream = (name: string, sequence: number, what: string): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_CORRUPT',
    `Stream ${name}, block ${sequence}: ${what}. What comes before it is sound; fill the rest ` +
      'from the log that it was written from, or from another copy.',
    { path: name, offset: sequence },
  );

export const fenced = (name: string, dir: string, logId: bigint, epoch: number): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_FENCED',
    `${dir}: stream ${name} belongs to log ${hexOf64(logId)} since epoch ${epoch}. Events of ` +
      'this log that the stream lacks stay readable here and are never merged; to take the ' +
      'stream over, restore a log from it and replicate that with takeover: true.',
    { path: dir },
  );

export const diverged = (name: string, dir: string, what: string): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_DIVERGED',
    `${dir}: ${what} stream ${name}. Nothing was sent. Restore a log from the stream, or ` +
      'replicate this one to a new stream.',
    { path: dir },
  );

export const replicaGap = (name: string, dir: string, next: number, first: number): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_REPLICA_GAP',
    `${dir}: stream ${name} goes on with event ${next}, and the first one in the log is ` +
      `${first}. Replicate to a new stream.`,
    { path: dir, firstEventId: first },
  );

export const uselessStream = (name: string, maxBlockBytes: number): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_INVALID_OPTION',
    `Stream ${name} takes blocks of ${maxBlockBytes} bytes at most; that is too little to ` +
      'replicate a log. Raise what it takes (NATS: max_payload, max_msg_size).',
  );
