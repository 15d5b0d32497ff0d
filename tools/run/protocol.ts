// What the command and the worker that runs the machine tell each other.

import type { MachineConfig } from '../../hw/machine/machine.ts';
import type { Manifest } from '../manifest/model.ts';
import type { RefusalKind } from '../refusal.ts';
import type { Outcome, RunReport } from './report.ts';

/** Everything a worker needs to run a system; plain data. */
export interface RunRequest {
  /** Path of the manifest, for the report. */
  manifest: string;
  /** What the command has made of it. */
  system: Manifest;
  translator?: MachineConfig['translator'];
  /** Virtual time to run for, in ns; Infinity: until it ends by itself. */
  limitNs: number;
  /** `CELL:/regex/`, as given. */
  expect: string[];
  /** `CELL:/regex/text`, as given. */
  type: string[];
  /** Virtual time keeps to the wall. */
  realTime: boolean;
  /** Input may come: an idle machine waits for it. */
  interactive: boolean;
  /** The cell that the terminal is attached to: when it ends, the run does. */
  attach: string | undefined;
  save: string | undefined;
  load: string | undefined;
  /** One i32: 0, or the number of the cell (from 1) whose code is running. */
  executing: SharedArrayBuffer;
  /** For the `Outflow` of messages. */
  flow: SharedArrayBuffer;
}

export type FromWorker =
  /** Console text of a cell, raw bytes. */
  | { kind: 'console'; cell: string; bytes: Uint8Array }
  | { kind: 'log'; line: string }
  | { kind: 'fault'; cell: string; line: string }
  | { kind: 'booted' }
  | { kind: 'progress'; virtualNs: number }
  | { kind: 'ended'; report: RunReport }
  /** The run could not begin: a Refusal. */
  | { kind: 'refused'; why: RefusalKind; message: string; hint: string | undefined };

export type ToWorker = { kind: 'input'; bytes: Uint8Array } | { kind: 'stop' };

export type { Outcome };
