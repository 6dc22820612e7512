import { WalError } from '../../src/errors.js';

/**
 * The error with a code that `action` ends with, if it does; any other is a fault, and is thrown.
 */
export function refusalOf(action: () => void): WalError | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    return error;
  }
}
