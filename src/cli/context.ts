// What every command is given: where to read, where data goes, where messages for a person go.

import type { Writable } from 'node:stream';
import { Terminal } from './terminal.js';

export interface CommandContext {
  /** Data, and nothing else. */
  readonly stdout: Writable;
  /** Everything else: summaries, notices, progress, errors. */
  readonly terminal: Terminal;
}

export const createContext = (): CommandContext => ({
  stdout: process.stdout,
  terminal: new Terminal(process.stderr),
});
