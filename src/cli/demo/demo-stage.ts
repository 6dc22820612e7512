// How the demo speaks: numbered steps and panels on stdout, a moving line on stderr.

import { createLobsterFormat } from '../formats/lobster.js';
import { TextBuffer } from '../formats/text-buffer.js';
import { type Environment, Terminal } from '../terminal.js';
import { InlinePanel, type PanelStream } from '../top/inline-panel.js';
import type { PanelOptions } from '../top/screen.js';
import { OrderStream } from './order-stream.js';

/** Renders a panel for the room that there is. */
type Render = (options: PanelOptions) => readonly string[];

export class DemoStage {
  readonly #stdout: Terminal;
  readonly #stderr: Terminal;
  readonly #panel: InlinePanel;
  #steps = 0;

  constructor(
    { stdout, terminal }: { stdout: PanelStream; terminal: Terminal },
    environment: Environment = process.env,
  ) {
    this.#stdout = new Terminal(stdout, environment);
    this.#stderr = terminal;
    this.#panel = new InlinePanel(stdout);
  }

  #line(text: string): void {
    this.#stderr.clearProgress();
    this.#panel.leave();
    this.#stdout.line(text);
  }

  title(text: string): void {
    this.#line(this.#stdout.bold(text));
  }

  step(name: string, lines: readonly string[]): void {
    this.#steps += 1;
    this.gap();
    this.#line(this.#stdout.cyan(this.#stdout.bold(`${this.#steps}. ${name}`)));
    for (const line of lines) this.say(line);
  }

  gap(): void {
    this.#line('');
  }

  say(text: string): void {
    this.#line(`   ${text}`);
  }

  /** Whether panels are drawn over each other; where they are not, only the last one is shown. */
  get hasLivePanel(): boolean {
    return this.#stdout.showsProgress;
  }

  #render(render: Render): readonly string[] {
    return ['', ...render({ columns: this.#panel.columns, painters: this.#stdout })];
  }

  /** Draws over the panel that was drawn last; nothing where there is no terminal. */
  livePanel(render: Render): void {
    if (!this.hasLivePanel) return;
    this.#stderr.clearProgress();
    this.#panel.draw(this.#render(render));
  }

  /** The panel as it stays. */
  panel(render: Render): void {
    const lines = this.#render(render);
    if (this.hasLivePanel) this.#panel.finish(lines);
    else for (const line of lines) this.#line(line);
  }

  verdict(text: string): void {
    this.gap();
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
