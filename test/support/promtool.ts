// Prometheus' own linter of metrics.
import { spawnSync } from 'node:child_process';

const run = (args: readonly string[], input?: string) =>
  spawnSync('promtool', args, { encoding: 'utf8', timeout: 300_000, input: input ?? '' });

function whyNot(): string | false {
  const { error, status, stderr } = run(['--version']);
  if (error !== undefined) return `there is no promtool here: ${error.message}`;
  return status === 0 ? false : `promtool does not start here: ${stderr}`;
}

/** Why metrics cannot be checked here, or false. */
export const cannotLint: string | false = whyNot();

/** What `promtool check metrics` complains of in an exposition, a line each. */
export function lint(exposition: string): string[] {
  const { error, status, stdout, stderr } = run(['check', 'metrics'], exposition);
  if (error !== undefined) throw error;
  // 0: nothing to complain of, 3: complaints; anything else: it could not be read.
  if (status !== 0 && status !== 3) throw new Error(`promtool ended with ${status}: ${stderr}`);
  const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
  if ((status === 3) !== complaints.length > 0) {
    throw new Error(`promtool ended with ${status} and said: ${complaints.join('\n')}`);
  }
  return complaints;
}
