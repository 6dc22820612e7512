// How the demo speaks: numbered steps on stdout, a moving line on stderr.

import type { Writable } from 'node:stream';
import type { CommandContext } from '../context.js';
import { createLobsterFormat } from '../formats/lobster.js';
import { TextBuffer } from '../formats/text-buffer.js';
import { Terminal } from '../terminal.js';
import { OrderStream } from './order-stream.js';

export class DemoStage {
  readonly #stdout: Terminal;
  readonly #stderr: Terminal;
  #steps = 0;

  constructor({ stdout, terminal }: { stdout: Writable; terminal: CommandContext['terminal'] }) {
    this.#stdout = new Terminal(stdout);
    this.#stderr = terminal;
  }

  #line(text: string): void {
    this.#stderr.clearProgress();
    this.#stdout.line(text);
  }

  title(text: string): void {
    this.#line(this.#stdout.bold(text));
  }

  step(name: string, lines: readonly string[]): void {
    this.#steps += 1;
    this.#line('');
    this.#line(this.#stdout.cyan(this.#stdout.bold(`${this.#steps}. ${name}`)));
    for (const line of lines) this.say(line);
  }

  say(text: string): void {
    this.#line(`   ${text}`);
  }

  verdict(text: string): void {
    this.#line('');
    this.#line(this.#stdout.green(this.#stdout.bold(text)));
  }

  progress(describe: () => string): void {
    this.#stderr.progress(() => `   ${describe()}`);
  }
}

const SHOWN_ORDERS = 3;
/** The first orders only fill the empty book. */
const SKIPPED_ORDERS = 10_000;

/** A few orders of the stream as rows, with what their columns are. */
export function describeOrder(seed: number): string[] {
  const stream = new OrderStream(seed);
  const format = createLobsterFormat();
  const rows = ['time,type,order id,size,price,direction'];
  for (let index = 0; index < SKIPPED_ORDERS; index += 1) stream.next();
  for (let index = 0; index < SHOWN_ORDERS; index += 1) {
    stream.next();
    const row = new TextBuffer();
    format.decode(stream.payload, row);
    rows.push(row.text());
  }
  return rows;
}
