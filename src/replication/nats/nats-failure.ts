// What the client and the servers throw, as failures that pass or do not.
import { isError, systemCode } from '../../errors.js';
import { StreamFailure, type StreamFailureReason } from '../block-stream.js';

/** By the codes of the servers' API (`err_code`). */
const BY_CODE = new Map<unknown, StreamFailureReason>([
  [10071, 'conflict'],
  [10164, 'conflict'],
  [10077, 'full'],
  [10047, 'full'],
  [10023, 'full'],
  [10028, 'full'],
]);
/** What no waiting helps against: credentials, permissions, requests that are wrong. */
const LASTING = new Set([
  'AuthorizationError',
  'UserAuthenticationExpiredError',
  'PermissionViolationError',
  'InvalidArgumentError',
  'InvalidOperationError',
  'InvalidSubjectError',
  'InvalidNameError',
]);
const OF_CLIENT = new Set([
  'ClosedConnectionError',
  'ConnectionError',
  'DrainingConnectionError',
  'NoRespondersError',
  'ProtocolError',
  'RequestError',
  'JetStreamError',
  // Of a server that has just started.
  'JetStreamNotEnabled',
  'JetStreamStatusError',
]);

/** A failure to wait for; anything else as it was thrown. */
export function natsFailure(error: unknown, stream: string): unknown {
  if (!isError(error) || error instanceof StreamFailure || LASTING.has(error.name)) return error;
  const code: unknown = 'code' in error ? error.code : undefined;
  const text = `stream ${stream}: ${error.message}${typeof code === 'number' ? ` (${code})` : ''}`;
  if (error.name === 'TimeoutError') return new StreamFailure('timeout', text, error);
  const reason = BY_CODE.get(code);
  if (reason !== undefined) return new StreamFailure(reason, text, error);
  // A cluster that elects a leader, or has just started, answers with all kinds of errors.
  const isOfServer = error.name === 'JetStreamApiError' || error.name === 'StreamNotFoundError';
  if (
    isOfServer ||
    systemCode(error) !== undefined ||
    OF_CLIENT.has(error.name) ||
    error.name === 'ConsumerNotFoundError'
  ) {
    return new StreamFailure('unavailable', text, error);
  }
  return error;
}
