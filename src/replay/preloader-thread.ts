// Thread module: SegmentPreloaders, one for each reader that reads ahead. Letters are fetched when
// the thread is woken: it never returns to its event loop.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { monotonicClock } from '../clock/clock.js';
import { assert } from '../errors.js';
import { FILE_PORTS } from '../judgement/reading-ports.js';
import { PreloadLink } from './preload-link.js';
import { type PreloaderLetter, STOP, WAKES } from './preloader-letters.js';
import { SegmentPreloader } from './segment-preloader.js';

/** So often it looks whether a reader has been idle for too long. */
const LOOK_MS = 1000;

const port = parentPort;
assert(port !== null, 'the preloader thread is a worker');
const words = new Int32Array(workerData as SharedArrayBuffer);
const offered = new Map<number, { readonly dir: string; readonly link: PreloadLink }>();
const running = new Set<SegmentPreloader>();

function take(letter: PreloaderLetter): void {
  if (letter.kind === 'offer') {
    const link = new PreloadLink(letter.link);
    if (link.takeUp()) offered.set(letter.ticket, { dir: letter.dir, link });
    return;
  }
  const reader = offered.get(letter.ticket);
  offered.delete(letter.ticket);
  if (reader === undefined) return;
  const { dir, link } = reader;
  running.add(new SegmentPreloader(FILE_PORTS, dir, letter.place, link, monotonicClock));
}

function step(): boolean {
  let isIdle = true;
  for (const preloader of running) {
    const outcome = preloader.step();
    if (outcome === 'worked') isIdle = false;
    if (outcome === 'over') running.delete(preloader);
  }
  for (const [ticket, { link }] of offered) {
    if (!link.isCancelled) continue;
    link.end();
    offered.delete(ticket);
  }
  return isIdle;
}

try {
  while (Atomics.load(words, STOP) === 0) {
    // Read before looking for work: a wake-up that comes in between ends the sleep at once.
    const seen = Atomics.load(words, WAKES);
    for (let next = receiveMessageOnPort(port); next !== undefined; ) {
      take(next.message as PreloaderLetter);
      next = receiveMessageOnPort(port);
    }
    if (step()) Atomics.wait(words, WAKES, seen, LOOK_MS);
  }
} finally {
  // Whatever happens here, no reader waits for it.
  for (const preloader of running) preloader.close();
  for (const { link } of offered.values()) link.end();
}
