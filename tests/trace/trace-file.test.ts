// The file of a trace: all lines come to be in it, and few wait.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { inTemporaryFolder } from '../../tools/host/temporary-folder.ts';
import { Refusal } from '../../tools/refusal.ts';
import { TraceFile } from '../../tools/trace/trace-file.ts';

it('has every line in the end, and what waits to be written stays little', () => {
  inTemporaryFolder('trace-file', (folder) => {
    const path = join(folder, 'trace');
    const file = new TraceFile(path);
    const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index} é`);
    let most = 0;
    for (const line of lines) {
      file.write(line);
      most = Math.max(most, file.waiting);
    }
    file.end();
    expect(most).toBeLessThan(70_000);
    expect(readFileSync(path, 'utf8')).toBe(lines.map((line) => `${line}\n`).join(''));
  });
});

it('is refused where there can be none', () => {
  inTemporaryFolder('trace-file', (folder) => {
    expect(() => new TraceFile(folder)).toThrow(Refusal);
  });
});
