// Modules of the application, which a command loads and runs. What they have begun, a timer or a
// server, would keep the process from ending; the command has ended all the same.
import type { Writable } from 'node:stream';

let isLoaded = false;

export function importForeign(url: string): Promise<Record<string, unknown>> {
  isLoaded = true;
  return import(url);
}

/** Where such a module was loaded: ends the process once all output has left. */
export async function endForeign(outputs: readonly Writable[]): Promise<void> {
  if (!isLoaded) return;
  await Promise.all(outputs.map(written));
  process.exit();
}

/** Also where nobody reads any more. */
const written = (stream: Writable): Promise<void> =>
  new Promise((resolve) => {
    stream.write('', () => resolve());
  });
