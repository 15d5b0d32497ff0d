// What remains of a bug in microvisor: a file with everything that is needed to see it again.

import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceStack } from '../host/source-stack.ts';
import { version } from './version.ts';

/** Set by a command as it goes on: what a maintainer needs to repeat the run. */
export interface RunFacts {
  seed?: number | string;
  manifest?: string;
  /** Called only for the report; may fail. */
  state?: () => unknown;
}

let facts: RunFacts = {};

/** Adds to what a crash report will say about this run. */
export function noteRunFacts(more: RunFacts): void {
  facts = { ...facts, ...more };
}

function stateOrReason(): unknown {
  try {
    return facts.state?.();
  } catch (error) {
    return `the state could not be read: ${String(error)}`;
  }
}

/** Writes the report and returns what to tell the user. Never throws. */
export function reportCrash(error: unknown, args: readonly string[]): string {
  const stack = sourceStack(error instanceof Error ? (error.stack ?? error.message) : String(error));
  const report = {
    version: version(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    command: args,
    seed: facts.seed,
    manifest: facts.manifest,
    error: stack,
    state: stateOrReason(),
  };
  const json = JSON.stringify(
    report,
    (_key, value) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value),
    2,
  );
  const lines = [`microvisor: internal error: ${error instanceof Error ? error.message : String(error)}`];
  lines.push('This is a bug in microvisor, not a mistake of yours.');
  if (facts.seed !== undefined) lines.push(`The run is repeated by the same command with --seed ${facts.seed}.`);
  const path = join(tmpdir(), `microvisor-crash-${process.pid}.json`);
  try {
    writeFileSync(path, `${json}\n`);
    lines.push(`Please report it with the file ${path} (versions, command, seed, stack, state of the run).`);
  } catch {
    lines.push('The crash report could not be written; please report it with these lines:', stack);
  }
  return `${lines.join('\n')}\n`;
}
