// Connecting the user's terminal to one cell: what it takes of the manifest.

import type { Manifest } from '../manifest/model.ts';
import { Refusal } from '../refusal.ts';

/** The stream channel between the console server and the driver of the terminal (guests/servers/console.ts). */
const terminalChannel = 'terminal';

/**
 * The overrides that make the system's console pass a cell's output on as it is, and give it the input. Throws a
 * Refusal when there is no such cell, no console, or no channel between the two.
 */
export function attachmentOverrides({ cells, channels, devices }: Manifest, cell: string): string[] {
  const refuse = (message: string, hint: string): never => {
    throw new Refusal('usage', `--attach ${cell}: ${message}`, hint);
  };
  const names = cells.map(({ name }) => name);
  if (!names.includes(cell)) refuse('there is no such cell', `the cells are ${names.join(', ')}`);
  const drivers = devices.filter(({ model }) => model === 'uart').map(({ owner }) => owner);
  const terminal = channels.find(({ name }) => name === terminalChannel);
  const console = [terminal?.from, terminal?.to].find((end) => end !== undefined && !drivers.includes(end));
  if (console === undefined) {
    return refuse('the system has no console', `join a console and a uart driver by a stream named ${terminalChannel}`);
  }
  const joined = channels.some(
    ({ from, to }) => (from === cell && to === console) || (to === cell && from === console),
  );
  if (!joined)
    refuse(
      `no channel joins it to ${console}`,
      `give it one: { name: tty, type: stream, ends: [${cell}, ${console}] }`,
    );
  return [`cells.${console}.config.raw=${cell}`, `cells.${console}.config.input=${cell}`];
}
