// `dashboard`: what logs are doing, on a page for the browsers of this machine.

import { once } from 'node:events';
import type { CommandContext } from '../context.js';
import { Board } from '../dashboard/board.js';
import { startDashboardServer } from '../dashboard/dashboard-server.js';
import { readPage } from '../dashboard/page-file.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import type { ListenAddress } from '../serving/local-server.js';

interface DashboardOptions {
  readonly listen: ListenAddress;
}

export async function dashboard(
  dirs: readonly string[],
  { listen }: DashboardOptions,
  { terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  const failure = new AbortController();
  const board = new Board(dirs, (error) => failure.abort(error));
  try {
    board.start();
    const server = await startDashboardServer(listen, board, readPage());
    try {
      terminal.line(`dashboard at ${server.origin}/, until Ctrl-C`);
      const end = AbortSignal.any([interruption.signal, failure.signal]);
      if (!end.aborted) await once(end, 'abort');
      failure.signal.throwIfAborted();
    } finally {
      await server.close();
    }
    return interruption.exitCode ?? EXIT.done;
  } finally {
    board.close();
    interruption.dispose();
  }
}
