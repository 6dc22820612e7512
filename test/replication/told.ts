// What a command prints, and for whom.
import { Writable } from 'node:stream';
import type { CommandContext } from '../../src/cli/context.js';
import { Terminal } from '../../src/cli/terminal.js';

export class Told implements CommandContext {
  stderr = '';
  data = '';
  readonly terminal = new Terminal({
    write: (text) => {
      this.stderr += text;
    },
  });
  readonly stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      this.data += chunk.toString();
      done();
    },
  });

  get json(): Record<string, unknown> {
    return JSON.parse(this.data) as Record<string, unknown>;
  }
}
