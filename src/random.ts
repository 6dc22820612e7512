// Chance comes in through one function, so that a simulation can repeat what it did.
import { randomBytes } from 'node:crypto';

/** 64 random bits. */
export type Random64 = () => bigint;

export const random64: Random64 = () => randomBytes(8).readBigUInt64LE();
