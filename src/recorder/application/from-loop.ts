// Work that must not be cut short. The engine may end a call of the application anywhere: a time
// limit of vm, the end of the stack. What only has to be done soon is done here instead: by a job
// after all that runs now, where no limit of the application holds and the stack is empty.

const settled = Promise.resolve();

/**
 * Runs `job` once nothing of the application runs any more. The call is made or not, never in part.
 */
export function fromLoop<Result>(job: () => Result | Promise<Result>): Promise<Result> {
  return settled.then(job);
}
