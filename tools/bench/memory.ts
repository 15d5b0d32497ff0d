// `microvisor bench memory`: what systems of more and more cells take of the host's memory, and whether it stays the same while
// a machine runs for long.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ramBase } from '../../hw/engine/memory.ts';
import { assemble } from '../../hw/isa/assemble.ts';
import { findDebianFiles } from '../debian/files.ts';
import { inTemporaryFolderAsync } from '../host/temporary-folder.ts';
import { writeElf } from '../image/elf-writer.ts';
import { ownPackage } from '../manifest/package-root.ts';
import { type HostMemory, watchMemory } from './host-memory.ts';
import { cellManifest } from './linux.ts';
import { cellsManifest } from './memory-cells.ts';
import { table } from './table.ts';

export interface MemoryRow {
  what: string;
  /** The most that there were at any time. */
  peakBytes: number;
  maps: number;
  /** Of a long run: the median of each quarter, in host time. */
  quarters: number[] | null;
}

/** Pages that each cell in machine code touches in the last rows of the table. */
const touchedPages = 192;

/** Typed at Linux's shell: it starts ten processes every twenty seconds. */
const processes = 'linux:/# $/while :; do for i in 1 2 3 4 5; do ls -l / | wc; done; sleep 20; done\\n';

const main = (): string => join(ownPackage().folder, 'dist/tools/cli/main.js');
const source = (name: string): string => readFileSync(join(ownPackage().folder, `guests/bench/${name}.s`), 'utf8');

export interface MemoryOptions {
  /** Numbers of cells. */
  cells: readonly number[];
  /** Virtual time of the long runs, such as `3600s`; undefined: none. */
  long: string | undefined;
  onProgress(what: string): void;
}

/** Throws a Refusal if the host does not tell what memory a process has. */
export function benchMemory({ cells, long, onProgress }: MemoryOptions): Promise<MemoryRow[]> {
  return inTemporaryFolderAsync('bench-memory', async (folder) => {
    const rows: MemoryRow[] = [];
    const measure = async (what: string, isLong: boolean, ...args: string[]): Promise<void> => {
      onProgress(what);
      rows.push(rowOf(what, await watchMemory([main(), ...args], isLong ? 500 : 50), isLong));
    };
    const write = (name: string, content: string | Uint8Array): string => {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    };
    for (const pages of [1, touchedPages]) {
      for (const count of cells) {
        const manifest = write(`cells-${count}-${pages}.yaml`, cellsManifest(count, pages, folder));
        await measure(`${count} cells, ${pages} pages each`, false, 'run', manifest, '--batch', '--for', '100ms');
      }
    }
    if (long === undefined) return rows;
    const churn = write('churn.elf', churnElf());
    await measure(`code that changes, ${long}`, true, 'bare', churn, '--clock', '10MHz', '--for', long);
    const found = findDebianFiles();
    if (!found.found) return rows;
    const linux = write('linux.yaml', cellManifest(found.files.kernel, found.files.initrd));
    await measure(`processes of Linux, ${long}`, true, 'run', linux, '--batch', '--for', long, '--type', processes);
    return rows;
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function rowOf(what: string, samples: readonly HostMemory[], isLong: boolean): MemoryRow {
  const quarter = (index: number): readonly HostMemory[] =>
    samples.slice((samples.length * index) / 4, (samples.length * (index + 1)) / 4);
  return {
    what,
    peakBytes: samples.at(-1)?.peakBytes ?? 0,
    maps: Math.max(0, ...samples.map(({ maps }) => maps)),
    quarters: isLong ? [0, 1, 2, 3].map((index) => median(quarter(index).map((each) => each.residentBytes))) : null,
  };
}

export function memoryTable(rows: readonly MemoryRow[]): string {
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  const cells = rows.map(({ what, peakBytes, maps, quarters }) => [
    what,
    mib(peakBytes),
    `${maps}`,
    quarters?.map(mib).join(', ') ?? '–',
  ]);
  return `${table(['run', 'peak, MiB', 'maps', 'quarters of the run'], cells).join('\n')}\n`;
}

/** Loops that are written to random places and run until they are hot. */
function churnElf(): Uint8Array {
  const text = `.equ turns, 4000\n${source('memory/churn')}\n${source('finish')}`;
  const { bytes, origin, symbols } = assemble(text, { origin: ramBase, file: 'churn.s' });
  return writeElf({ segments: [{ address: origin, bytes }], entry: origin, symbols });
}
