// The thread's side of a host: it is given logs to serve by letters, and tells about each under its
// ticket. The thread never returns to its event loop: letters are fetched when the bell says so.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { monotonicClock } from '../../clock/clock.js';
import { assert, serializeError } from '../../errors.js';
import { libc } from '../../memory/libc.js';
import { takeNativePaths } from '../../memory/native-module.js';
import type { ThreadName } from '../../telemetry/heartbeats.js';
import { Doorbell } from './doorbell.js';
import type { Letter, LogMessage, Reply } from './messages.js';
import { Signals, type SignalsHandle } from './signals.js';
import { HostLoop, type OnEnd, type ServedBody } from './worker-loop.js';

/** What serving a log takes from its host. */
export interface Service<Start> {
  readonly start: Start;
  readonly signals: Signals;
  /** To the application's thread. */
  readonly tell: (message: LogMessage) => void;
  /** See Doorbell. */
  readonly undisturbed: <Result>(body: () => Result) => Result;
}

/**
 * Serves logs on this thread until it is asked to stop.
 * @param begin makes what is to be stepped for a log; `refused` where that was told, and `handed`
 * where another thread goes on with the log
 */
export function runHost<Start extends { readonly signals: SignalsHandle }>(
  thread: ThreadName,
  begin: (service: Service<Start>) => ServedBody | 'refused' | 'handed',
): void {
  const port = parentPort;
  assert(port !== null, `the ${thread} thread is a worker`);
  const reply = (message: Reply): void => port.postMessage(message);
  const bell = new Doorbell(workerData as SharedArrayBuffer);
  const loop = new HostLoop(thread, bell, monotonicClock);
  const serve = ({ ticket, start, natives }: Letter<Start>): void => {
    takeNativePaths(natives);
    bell.undisturbed(libc);
    const signals = new Signals(start.signals);
    const tell = (message: LogMessage): void => reply({ ticket, message });
    const onEnd: OnEnd = (error) => {
      if (error === undefined) signals.announceEnd(thread);
      tell({ kind: 'gone', error: error === undefined ? undefined : serializeError(error) });
    };
    try {
      const undisturbed: Service<Start>['undisturbed'] = (body) => bell.undisturbed(body);
      const body = loop.attend(ticket, () => begin({ start, signals, tell, undisturbed }));
      // Nothing of the log has ended: another thread goes on with it.
      if (body === 'handed') tell({ kind: 'gone' });
      else if (body === 'refused') onEnd();
      else loop.serve(signals, body, ticket, onEnd);
    } catch (error) {
      onEnd(error);
    }
  };
  loop.run(() => {
    for (
      let next = receiveMessageOnPort(port);
      next !== undefined;
      next = receiveMessageOnPort(port)
    ) {
      serve(next.message as Letter<Start>);
    }
  });
}
