// Promises where none may be: nobody waits for them.

/** Whether it is a promise; then what it comes to is no failure of its own. */
export function isAbandoned(value: unknown): boolean {
  if (!isPromise(value)) return false;
  value.then(undefined, () => undefined);
  return true;
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  (typeof value === 'object' || typeof value === 'function') &&
  value !== null &&
  'then' in value &&
  typeof value.then === 'function';
