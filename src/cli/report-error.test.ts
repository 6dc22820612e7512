import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ERROR_CODES, WalError } from '../errors.js';
import { reportError, toWalError } from './report-error.js';
import { Terminal } from './terminal.js';

const reported = (error: unknown): string => {
  let text = '';
  const write = (part: string): void => {
    text += part;
  };
  reportError(new Terminal({ write }, {}), error);
  return text;
};

const systemError = (code: string): Error => Object.assign(new Error(`${code}: oh`), { code });

describe('reporting an error', () => {
  it('is code, message, causes and meaning, without a stack', () => {
    const inner = new WalError('ERR_FLASHSTRIKE_IO', 'the write failed', {
      cause: systemError('EIO'),
    });
    const error = new WalError('ERR_FLASHSTRIKE_FAILED', 'the log failed', { cause: inner });
    assert.equal(
      reported(error),
      'flashstrike: ERR_FLASHSTRIKE_FAILED: the log failed\n' +
        '  because ERR_FLASHSTRIKE_IO: the write failed\n' +
        '  because EIO: oh\n' +
        `  ${ERROR_CODES.ERR_FLASHSTRIKE_FAILED}\n`,
    );
  });

  it('does not say a cause twice', () => {
    const cause = systemError('ENOENT');
    assert.doesNotMatch(reported(toWalError(cause, 'a/file')), /because/);
  });

  it('makes terminal escapes harmless, also those of a cause', () => {
    const evil = '\u001b]0;x\u0007\u202e\n';
    const error = new WalError('ERR_FLASHSTRIKE_IO', evil, { cause: new Error(`!${evil}`) });
    const text = reported(error);
    assert.equal(text.split('\n').length, 4);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    assert.doesNotMatch(text, /[\u0007\u001b\u202e]/);
  });

  it('shows the stack of what should never happen', () => {
    assert.match(reported(new TypeError('a bug')), /please report it\n.*TypeError: a bug\n +at /);
    assert.match(reported('a string'), /a string/);
  });

  it('ends a circle of causes', () => {
    const error = new Error('round');
    error.cause = error;
    assert.match(reported(new WalError('ERR_FLASHSTRIKE_IO', 'x', { cause: error })), /round/);
  });

  it('calls what is denied ACCESS, and the rest IO', () => {
    assert.equal(toWalError(systemError('EACCES'), 'f').code, 'ERR_FLASHSTRIKE_ACCESS');
    assert.equal(toWalError(systemError('EPERM'), 'f').code, 'ERR_FLASHSTRIKE_ACCESS');
    assert.equal(toWalError(systemError('EISDIR'), 'f').code, 'ERR_FLASHSTRIKE_IO');
    const known = new WalError('ERR_FLASHSTRIKE_LOCKED', 'x');
    assert.equal(toWalError(known, 'f'), known);
  });
});
