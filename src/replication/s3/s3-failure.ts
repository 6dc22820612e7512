// What the client and the stores throw, as failures that pass, or as errors that say what to do.
import { isError, systemCode, WalError } from '../../errors.js';
import { ObjectFailure } from '../objects/object-store.js';

/** By the names that the client gives. */
const TIMEOUTS = new Set(['TimeoutError', 'RequestTimeout', 'RequestTimeoutException']);
/** Slowing down, and what the client itself calls worth another try. */
const PASSING = new Set([
  'SlowDown',
  'ThrottlingException',
  'TooManyRequestsException',
  'OperationAborted',
]);
const TOO_MANY = 429;
const REQUEST_TIMEOUT = 408;
const FORBIDDEN = 403;
const SERVER_FAILS = 500;
const NO_ROOM = 507;

export const isMissingKey = (error: unknown): boolean =>
  isError(error) && error.name === 'NoSuchKey';

/** A failure to wait for, or what says why there is no waiting for it. */
export function s3Failure(error: unknown, name: string): unknown {
  if (!isError(error) || error instanceof WalError || error instanceof ObjectFailure) return error;
  const status = statusOf(error);
  const text = `${error.name}: ${error.message}${status === 0 ? '' : ` (${status})`}`;
  if (error.name === 'NoSuchBucket') {
    const message = `${name}: there is no such bucket. Make it first.`;
    return new WalError('ERR_FLASHSTRIKE_INVALID_OPTION', message, { cause: error });
  }
  if (status === FORBIDDEN || error.name === 'CredentialsProviderError') {
    const message =
      `${name} is refused: ${text}. Check the credentials; they must allow s3:GetObject, ` +
      's3:PutObject and s3:ListBucket, without which an object that is missing reads as refused.';
    return new WalError('ERR_FLASHSTRIKE_ACCESS', message, { cause: error });
  }
  if (status === NO_ROOM) return new ObjectFailure('full', text, error);
  if (TIMEOUTS.has(error.name) || status === REQUEST_TIMEOUT) {
    return new ObjectFailure('timeout', text, error);
  }
  const isPassing =
    status >= SERVER_FAILS ||
    status === TOO_MANY ||
    PASSING.has(error.name) ||
    systemCode(error) !== undefined;
  return isPassing ? new ObjectFailure('unavailable', text, error) : error;
}

/** Of the answer; 0 where there was none. */
function statusOf(error: Error): number {
  const metadata: unknown = Reflect.get(error, '$metadata');
  if (typeof metadata !== 'object' || metadata === null) return 0;
  const status: unknown = Reflect.get(metadata, 'httpStatusCode');
  return typeof status === 'number' ? status : 0;
}
