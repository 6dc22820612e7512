// Waiting that whoever waits may end.
import { setTimeout as delay } from 'node:timers/promises';
import { checkOptionNames, checkSignal } from '../../reading/event-range.js';

/** Options of a call that waits. */
export interface WaitOptions {
  /** Ends the waiting: the call rejects with its reason. What was appended stays so. */
  readonly signal?: AbortSignal | undefined;
}

/** @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION, _INVALID_ARGUMENT */
export function signalOf(options: WaitOptions): AbortSignal | undefined {
  checkOptionNames(options, ['signal']);
  checkSignal(options.signal);
  return options.signal;
}

/** Resolves after so long, or at once when `signal` is aborted, which the caller looks at. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);

/**
 * What `work` comes to, unless `signal` is aborted before: then it rejects with the reason.
 * @param letGo called then, for nobody wants it any more; part of the application's `abort()`
 */
export async function unlessAborted<Result>(
  signal: AbortSignal,
  work: Promise<Result>,
  letGo: () => void,
): Promise<Result> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      letGo();
      reject(signal.reason);
    };
  });
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
