// `microvisor bench memory`: what systems of more and more cells take of the host's memory, and whether it stays the same while
// a machine runs for long.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findDebianFiles } from '../debian/files.ts';
import { inTemporaryFolderAsync } from '../host/temporary-folder.ts';
import { ownPackage } from '../manifest/package-root.ts';
import { requireHostMemory, watchProcess } from './host-memory.ts';
import { cellsManifest } from './memory-cells.ts';
import { processes, soakManifest } from './memory-load.ts';
import type { CellsRow, LongSample, MemoryReport } from './memory-report.ts';

/** Pages that each cell in machine code touches in some rows of the table. */
const touchedPages = 192;
const longSamples = 60;

export interface MemoryOptions {
  /** Numbers of cells. */
  cells: readonly number[];
  /** Virtual time of the long run in ns; Infinity: there is none. */
  longNs: number;
  onProgress(what: string): void;
}

const program = (path: string): string => join(ownPackage().folder, 'dist/tools', path);

/** Throws a Refusal if the host does not tell what memory a process has, or a run fails. */
export function benchMemory({ cells, longNs, onProgress }: MemoryOptions): Promise<MemoryReport> {
  requireHostMemory();
  return inTemporaryFolderAsync('bench-memory', async (folder) => {
    const rows: CellsRow[] = [];
    for (const shape of [
      { pages: 1, machines: false },
      { pages: touchedPages, machines: false },
      { pages: touchedPages, machines: true },
    ]) {
      for (const count of cells) {
        if (shape.machines && count < 4) continue;
        const { pages, machines } = shape;
        const what = `${count} ${count === 1 ? 'cell' : 'cells'}, ${pages} ${pages === 1 ? 'page' : 'pages'} each${machines ? ', half of them VMs' : ''}`;
        onProgress(what);
        const manifest = join(folder, `cells-${rows.length}.yaml`);
        writeFileSync(manifest, cellsManifest(count, shape, folder));
        const args = [program('cli/main.js'), 'run', manifest, '--batch', '--for', '100ms'];
        const samples = await watchProcess(what, args, { everyMs: 50 });
        rows.push({
          what,
          peakBytes: samples.at(-1)?.peakBytes ?? 0,
          maps: Math.max(0, ...samples.map(({ maps }) => maps)),
        });
      }
    }
    const long = longNs === Infinity ? null : await longRun(folder, longNs, onProgress);
    return { version: 1, cells: rows, long };
  });
}

async function longRun(
  folder: string,
  limitNs: number,
  onProgress: (what: string) => void,
): Promise<MemoryReport['long']> {
  const debian = findDebianFiles();
  const manifest = join(folder, 'soak.yaml');
  writeFileSync(manifest, soakManifest(folder, debian.found ? debian.files : undefined));
  const samples: LongSample[] = [];
  const options = [manifest, `${limitNs}`, `${longSamples}`, ...(debian.found ? [processes] : [])];
  onProgress('the long run');
  await watchProcess('the long run', ['--expose-gc', program('bench/long-run.js'), ...options], {
    everyMs: 0,
    onLine: (line) => {
      const sample = JSON.parse(line) as LongSample;
      samples.push(sample);
      onProgress(`the long run: ${sample.virtualS.toFixed(0)} of ${limitNs / 1e9} s of virtual time`);
    },
  });
  return { linux: debian.found, samples };
}
