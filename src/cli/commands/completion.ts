// `completion`: the script that a shell reads to complete what is typed behind `flashstrike`.
import type { Command } from 'commander';
import { completionScript, type Shell } from '../completion/script.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { writeText } from '../output.js';

export async function completion(
  program: Command,
  shell: Shell,
  { stdout }: CommandContext,
): Promise<number> {
  await writeText(stdout, completionScript(program, shell));
  return EXIT.done;
}
