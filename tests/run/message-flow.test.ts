// Messages from the worker to the command: never more than a bounded number are under way.

import { describe, expect, it } from 'vitest';
import { flowBytes, Outflow, taken } from '../../tools/run/message-flow.ts';

describe('the flow of messages', () => {
  it('stands still while the command takes nothing, and goes on with each that it takes', () => {
    const shared = new SharedArrayBuffer(flowBytes);
    let posted = 0;
    let waits = 0;
    const underWay: number[] = [];
    const flow = new Outflow(shared, (count, value) => {
      expect(Atomics.load(count, 0)).toBe(value);
      underWay.push(posted - value);
      waits++;
      taken(shared);
    });
    for (; posted < 1000; ) {
      posted++;
      flow.posted();
    }
    expect(waits).toBe(1000 - 64);
    expect(Math.max(...underWay)).toBe(65);
  });

  it('never waits for a command that keeps up, and counts on past what an i32 holds', () => {
    const shared = new SharedArrayBuffer(flowBytes);
    const flow = new Outflow(shared, () => expect.fail('it waited'));
    const count = new Int32Array(shared);
    Object.assign(flow, { sent: 0x7fff_fff0 });
    count[0] = 0x7fff_fff0;
    for (let i = 0; i < 200; i++) {
      flow.posted();
      taken(shared);
    }
    expect(count[0]).toBe((0x7fff_fff0 + 200) | 0);
  });
});
