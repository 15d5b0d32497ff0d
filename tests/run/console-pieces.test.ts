// Console text on its way from the worker to the command.

import { describe, expect, it } from 'vitest';
import { ConsolePieces } from '../../tools/run/console-pieces.ts';
import type { FromWorker } from '../../tools/run/protocol.ts';

function told(act: (pieces: ConsolePieces) => void): string[] {
  const posted: string[] = [];
  const pieces = new ConsolePieces((message: FromWorker) =>
    posted.push(
      message.kind === 'console' ? `${message.cell}: ${new TextDecoder().decode(message.bytes)}` : message.kind,
    ),
  );
  act(pieces);
  return posted;
}
const text = (cell: string, what: string): FromWorker => ({
  kind: 'console',
  cell,
  bytes: new TextEncoder().encode(what),
});

describe('console text', () => {
  it('waits, byte by byte, until it is sent as a whole', () => {
    const bytes = told((pieces) => {
      for (const each of 'hello') pieces.tell(text('a', each));
    });
    expect(bytes).toEqual([]);
    const flushed = told((pieces) => {
      for (const each of 'hello') pieces.tell(text('a', each));
      pieces.flush();
      pieces.flush();
    });
    expect(flushed).toEqual(['a: hello']);
  });

  it('keeps its order, among cells and with other messages', () => {
    const posted = told((pieces) => {
      pieces.tell(text('a', '1'));
      pieces.tell(text('b', '2'));
      pieces.tell(text('b', '3'));
      pieces.tell({ kind: 'booted' });
      pieces.tell(text('b', '4'));
      pieces.flush();
    });
    expect(posted).toEqual(['a: 1', 'b: 23', 'booted', 'b: 4']);
  });

  it('is sent when it fills a piece, whatever its length', () => {
    const long = 'x'.repeat(16 * 1024);
    expect(
      told((pieces) => {
        pieces.tell(text('a', 'y'));
        pieces.tell(text('a', long));
        pieces.tell(text('a', `${long}z`));
        pieces.flush();
      }),
    ).toEqual(['a: y', `a: ${long}`, `a: ${long}z`]);
  });
});
