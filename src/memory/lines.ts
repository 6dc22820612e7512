// What one thread stores and others read has 128 bytes of its own: two cache lines, because the
// prefetcher of adjacent lines would otherwise couple neighbours.
import { layout, pad, u32, u64 } from './layout.js';
import { LatchLayout } from './sequence-latch.js';

export const WordLine = layout('WordLine')
  .field(0, 'word', u32)
  .field(4, 'spare', pad(124))
  .end(128, 64);

export const DoubleLine = layout('DoubleLine')
  .field(0, 'double', u64)
  .field(8, 'spare', pad(120))
  .end(128, 64);

export const LatchLine = layout('LatchLine')
  .field(0, 'latch', LatchLayout)
  .field(64, 'spare', pad(64))
  .end(128, 64);
