// Servers written into tests, and realms that run them.

import { resolve } from 'node:path';
import { NodeRealm, type RealmOptions } from '../../tools/host/realm.ts';
import { loadServer } from '../../tools/host/server-source.ts';
import { formatDiagnostic } from '../../tools/realm/diagnostic.ts';
import type { LoadResult, RealmProgram } from '../../tools/realm/loader.ts';
import { callBadge, type FakeMessage, FakeThread } from './fake-thread.ts';

const file = resolve(import.meta.dirname, 'servers/inline.ts');

/** Loads a module whose first line, which imports the SDK, is given. */
export function loadInline(source: string): LoadResult {
  return loadServer(file, `import { server } from '../../../guests/sdk/index.ts';\n${source}`);
}

export function programOf(result: LoadResult): RealmProgram {
  if (!result.ok) throw new Error(result.diagnostics.map(formatDiagnostic).join('\n'));
  return result.program;
}

export function realmOf(source: string, options: Partial<RealmOptions> = {}): NodeRealm {
  return new NodeRealm({ cell: 'test', program: programOf(loadInline(source)), ...options });
}

/** A realm that has started and waits for calls over channel 0. */
export class RunningServer {
  readonly realm: NodeRealm;
  readonly thread: FakeThread;

  constructor(realm: NodeRealm, thread = new FakeThread({ channels: [{ name: 'rpc', type: 'rpc' }] })) {
    this.realm = realm;
    this.thread = thread;
    realm.resume(thread);
  }

  /** Delivers an event and runs until the server waits. */
  deliver(message: FakeMessage): void {
    this.thread.deliver(message);
    this.realm.resume(this.thread);
  }

  /** Calls over channel 0 and returns the words of the answer. */
  call(label: number, ...words: bigint[]): bigint[] | undefined {
    const before = this.thread.replies.length;
    this.deliver({ badge: callBadge(0), label, words });
    return this.thread.replies.length > before ? this.thread.replies.at(-1)!.words : undefined;
  }
}

/** Runs one of the bodies in a realm of its own and returns the text of what it returns, or throws the fault's text. */
export type Evaluate = (index: number, options?: Partial<RealmOptions>) => string;

/** Makes one program of many function bodies: they are loaded once. */
export function bodies(list: readonly string[], imports = ''): Evaluate {
  const program = programOf(
    loadInline(`
      import { textMessage } from '../../../guests/sdk/index.ts';
      ${imports}
      const bodies: (() => unknown)[] = [${list.map((body) => `() => { ${body}\n }`).join(',\n')}];
      export default server<object>({
        protected(_cell, _channel, message) { return textMessage(0, String(bodies[message.label]!())); },
      });`),
  );
  return (index, options = {}) => {
    const running = new RunningServer(new NodeRealm({ cell: 'test', program, ...options }));
    running.call(index);
    const { fault } = running.realm;
    if (fault !== undefined) throw new Error(`${fault.cause}: ${fault.message}`);
    const { words } = running.thread.replies.at(-1)!;
    const bytes = new Uint8Array(Number(words[0]));
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number((words[1 + (i >> 3)]! >> BigInt(8 * (i & 7))) & 0xffn);
    return new TextDecoder().decode(bytes);
  };
}

export function evaluateInRealm(body: string): string {
  return bodies([body])(0);
}
