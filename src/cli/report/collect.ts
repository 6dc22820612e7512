// Gathers a report: each part by itself, so that what cannot be read keeps nothing else back.
import { dirname, resolve } from 'node:path';
import { WalError } from '../../errors.js';
import { type VerifyReport, verify } from '../../index.js';
import {
  type AttachedTelemetry,
  attachTelemetry,
  buildInfo,
  type Interval,
} from '../../telemetry.js';
import { hexOf64 } from '../../units.js';
import { inspectLog, type LogInspection } from '../../verification/inspect.js';
import { diagnose } from '../diagnosis/diagnosis.js';
import { figuresOf } from '../diagnosis/figures.js';
import { takeLook } from '../diagnosis/look.js';
import type { Machine } from '../doctor/machine.js';
import { machinePart } from './machine-part.js';
import { FILE, Redaction } from './redaction.js';

/** A part of a report, or why there is none. */
type Part = { readonly [key: string]: unknown } | { readonly error: unknown };

/** All names are taken out of it. */
export interface Report {
  readonly format: 'flashstrike-report-1';
  readonly createdAt: string;
  readonly versions: Part;
  readonly machine: Part;
  readonly log: Part;
  /** What `verify` says; not of a report without it. */
  readonly verdict: Part | undefined;
  /** What `top` says is wrong, as of one look. */
  readonly troubles: Part;
  readonly telemetry: Part;
  /** Waits that took long, as far as they are recorded, with what they went to. */
  readonly stalls: Part;
}

export interface ReportOptions {
  /** Whether all segments are read. */
  readonly verify: boolean;
  readonly sharedMemoryDirectory: string;
}

interface CollectedReport {
  readonly report: Report;
  /** 16 hexadecimal digits; undefined where nothing tells it. */
  readonly logId: string | undefined;
}

/** @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG where there is nothing to report on */
export async function collectReport(
  directory: string,
  { verify: verifies, sharedMemoryDirectory }: ReportOptions,
  machine: Machine,
): Promise<CollectedReport> {
  // All that is asked tells its absolute path then: a relative one is like any other word.
  const dir = resolve(directory);
  const redaction = new Redaction(dir, machine);
  const createdAt = new Date().toISOString();
  const inspection = attempt(() => inspectLog(dir));
  if (inspection instanceof WalError && inspection.code === 'ERR_FLASHSTRIKE_NOT_A_LOG') {
    throw inspection;
  }
  // Before any text is looked at.
  if (!(inspection instanceof WalError)) addNames(inspection, redaction);
  const log = inspection instanceof WalError ? inspection : logPart(inspection, redaction);
  const telemetry = attempt(() => attachTelemetry(dir));
  try {
    const isSeen = !(telemetry instanceof WalError);
    const shared = isSeen ? dirname(telemetry.path) : sharedMemoryDirectory;
    const verdict = verifies ? await verdictPart(dir) : undefined;
    const part = (value: unknown): Part => partOf(value, redaction);
    const report: Report = {
      format: 'flashstrike-report-1',
      createdAt,
      versions: part(versionsPart(isSeen ? telemetry : undefined)),
      machine: part(attempt(() => machinePart(machine, dir, shared))),
      log: part(log),
      verdict: verdict && part(verdict),
      troubles: part(isSeen ? attempt(() => troublesPart(telemetry)) : telemetry),
      telemetry: part(isSeen ? attempt(() => telemetryPart(telemetry)) : telemetry),
      stalls: part(isSeen ? attempt(() => stallsPart(telemetry)) : telemetry),
    };
    const logId = inspection instanceof WalError ? undefined : inspection.logId;
    return { report, logId: logId === undefined ? undefined : hexOf64(logId) };
  } finally {
    if (!(telemetry instanceof WalError)) telemetry.close();
  }
}

/** What may be called anything: consumers, and files that are none of the log's. */
function addNames({ consumers, otherNames }: LogInspection, redaction: Redaction): void {
  for (const { name } of consumers) redaction.consumer(name);
  for (const { name, kind } of otherNames) if (kind === 'unknown') redaction.addFile(name);
}

function attempt<Value>(make: () => Value): Value | WalError {
  try {
    return make();
  } catch (error) {
    if (error instanceof WalError) return error;
    throw error;
  }
}

function partOf(value: unknown, redaction: Redaction): Part {
  if (!(value instanceof WalError)) return redaction.data(value) as Part;
  const { code, message, offset } = value;
  const cause = value.cause instanceof Error ? value.cause.message : undefined;
  return { error: redaction.data({ code, message, offset, cause }) };
}

function versionsPart(telemetry: AttachedTelemetry | undefined) {
  const { node, v8, uv } = process.versions;
  // A log is often run by another process than the one that reports.
  return { flashstrike: buildInfo.version, node, v8, uv, ofTheLog: telemetry?.build };
}

function logPart({ segments, consumers, ...rest }: LogInspection, redaction: Redaction) {
  const { logId, firstEventId, lastEventId, locked, meta, region, verification, held } = rest;
  const { path: _path, ...regionKept } = region;
  const named = consumers.map(({ name, ...each }) => ({ name: redaction.consumer(name), ...each }));
  const holders = held?.consumers.map((name) => redaction.consumer(name));
  return {
    logId: logId === undefined ? undefined : hexOf64(logId),
    firstEventId,
    lastEventId,
    locked,
    meta,
    region: regionKept,
    verification,
    held: held && { ...held, consumers: holders },
    tail: rest.tail,
    consumers: named,
    otherNames: rest.otherNames.map(({ name, kind }) =>
      kind === 'unknown' ? { name: FILE, kind } : { name, kind },
    ),
    segments,
  };
}

async function verdictPart(dir: string): Promise<VerifyReport | WalError> {
  try {
    return await verify(dir);
  } catch (error) {
    if (error instanceof WalError) return error;
    throw error;
  }
}

function troublesPart(telemetry: AttachedTelemetry) {
  // Names of other logs and of consumers are not looked up, so none gets in.
  const look = { ...takeLook(telemetry), folders: {}, consumers: [] };
  return { troubles: diagnose(look, figuresOf(undefined, look)) };
}

/** The intervals around each stand in one list, without what is 0 in them. */
function stallsPart(telemetry: AttachedTelemetry) {
  const stalls = telemetry.readStalls();
  const intervals = new Map(
    stalls.flatMap((stall) => stall.intervals.map((each) => [each.number, each] as const)),
  );
  const shown = stalls.map(({ startMs, intervals: _intervals, ...rest }) => ({
    began: new Date(startMs).toISOString(),
    ...rest,
  }));
  const around = [...intervals.values()].sort((one, other) => one.number - other.number);
  return { stalls: shown, intervals: around.map(withoutZeros) };
}

const withoutZeros = (interval: Interval): Partial<Interval> =>
  Object.fromEntries(Object.entries(interval).filter(([, value]) => value !== 0));

function telemetryPart(telemetry: AttachedTelemetry) {
  const { directory: _directory, path: _path, build: _build, ...all } = telemetry.toJSON();
  return all;
}
