// The C++ reference beside us: builds its recorder from a checkout that somebody else made, with a
// driver of ours, in a temporary folder. Nothing of it enters this repository.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ReferenceDriver {
  /** Nanoseconds an append of `events` events of 64 bytes into a fresh folder. */
  run(folder: string, events: number): number;
}

const DRIVER = fileURLToPath(new URL('../../../bench/reference/driver.cpp', import.meta.url));
const RECORDER = 'integrations/include/flashstrike/wal/recorder';
const RING = 'include/lcr/lockfree/spsc_ring.hpp';
const FLAGS = ['-w', '-std=c++20', '-O3', '-march=native', '-DNDEBUG'];
const LIBRARIES = ['-llz4', '-lxxhash', '-lpthread'];

/** The standard library of g++ 12 has no <format>; {fmt} has it under another name. */
const FORMAT_HEADER = `#pragma once
#define FMT_HEADER_ONLY
#include <fmt/format.h>
namespace std { using fmt::format; }
`;

/** The ring of the snapshot has lost two functions that its users call; these do what they ask. */
const RING_MEMBERS = `
    template <class Value> bool push(Value&& value) noexcept {
        T* slot = acquire_producer_slot();
        if (slot == nullptr) return false;
        *slot = std::forward<Value>(value);
        commit_producer_slot();
        return true;
    }
    bool pop(T& value) noexcept {
        T* slot = peek_consumer_slot();
        if (slot == nullptr) return false;
        value = std::move(*slot);
        *slot = T{};
        release_consumer_slot();
        return true;
    }
`;
const BEHIND = '    inline void clear() noexcept {';

function repair(build: string): void {
  const lower = join(build, RECORDER, 'telemetry/meta.hpp');
  const upper = join(build, RECORDER, 'telemetry/Meta.hpp');
  if (existsSync(lower) && !existsSync(upper)) symlinkSync('meta.hpp', upper);
  const ring = join(build, RING);
  const text = readFileSync(ring, 'utf8');
  if (!text.includes(' pop(')) writeFileSync(ring, text.replace(BEHIND, RING_MEMBERS + BEHIND));
}

/**
 * @param checkout a checkout of the reference's repository
 * @param folder where it is built
 * @throws Error with the compiler's message
 */
export function buildReference(
  checkout: string,
  folder: string,
  hasMetrics: boolean,
): ReferenceDriver {
  const build = join(folder, `reference-${hasMetrics ? 'with' : 'without'}-metrics`);
  mkdirSync(build);
  for (const part of ['include', 'integrations']) {
    cpSync(join(checkout, part), join(build, part), { recursive: true });
  }
  repair(build);
  mkdirSync(join(build, 'shim'));
  writeFileSync(join(build, 'shim/format'), FORMAT_HEADER);
  const includes = ['shim', 'include', 'integrations/include'].map((part) => `-I${build}/${part}`);
  const program = join(build, 'driver');
  const metrics = hasMetrics ? ['-DENABLE_FS1_METRICS'] : [];
  execFileSync('g++', [...FLAGS, ...metrics, ...includes, DRIVER, '-o', program, ...LIBRARIES], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return {
    run: (log, events) => {
      const text = execFileSync(program, [log, String(events)], { encoding: 'latin1' });
      const match = /^ns an append: ([\d.]+)$/m.exec(text);
      if (match === null) throw new Error(`the driver printed: ${text}`);
      return Number(match[1]);
    },
  };
}
