// Failures as sentences: code, what happened and where, what it means; no stack for what is
// expected to happen. Names and payload text in them are made harmless for the terminal.

import {
  codeOf,
  ERROR_CODES,
  isError,
  messageOf,
  printable,
  systemCode,
  WalError,
} from '../errors.js';
import type { Terminal } from './terminal.js';

/** stdout was closed by its reader (`replay | head`): not a failure, nothing is said. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

const CAUSES_SHOWN = 4;

function* causesOf(error: Error): Generator<Error> {
  let cause = error.cause;
  for (let depth = 0; depth < CAUSES_SHOWN && isError(cause); depth += 1) {
    yield cause;
    cause = cause.cause;
  }
}

const describeCause = (cause: Error): string => {
  const code = cause instanceof WalError ? cause.code : (systemCode(cause) ?? codeOf(cause));
  const text = code === undefined || cause.message.startsWith(code);
  return printable(text ? cause.message : `${code}: ${cause.message}`);
};

/** An input or output error of the system as a WalError that names the file. */
export function toWalError(error: unknown, path: string): WalError {
  if (error instanceof WalError) return error;
  const code = systemCode(error);
  const denied = code === 'EACCES' || code === 'EPERM';
  const message = messageOf(error);
  return new WalError(
    denied ? 'ERR_FLASHSTRIKE_ACCESS' : 'ERR_FLASHSTRIKE_IO',
    `${path}: ${message}`,
    { path, cause: error },
  );
}

export function reportError(terminal: Terminal, error: unknown): void {
  if (error instanceof WalError) {
    const head = terminal.red('flashstrike:');
    terminal.line(`${head} ${error.code}: ${printable(error.message)}`);
    for (const cause of causesOf(error)) {
      const text = describeCause(cause);
      if (!error.message.includes(cause.message)) terminal.line(`  because ${text}`);
    }
    terminal.line(terminal.dim(`  ${ERROR_CODES[error.code]}`));
    return;
  }
  // Our own bug: here the stack is what helps.
  const text = isError(error) ? (error.stack ?? error.message) : String(error);
  terminal.line(`${terminal.red('flashstrike:')} unexpected failure, please report it`);
  for (const line of text.split('\n')) terminal.line(`  ${printable(line)}`);
}
