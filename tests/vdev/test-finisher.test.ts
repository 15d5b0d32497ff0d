import { describe, expect, it } from 'vitest';
import { testFinisher, testFinisherState } from '../../vdev/test-finisher.ts';
import { mockBus } from './mock-bus.ts';

function outcomeOf(value: number, offset = 0) {
  const bus = mockBus();
  const state = testFinisherState();
  testFinisher.write(state, bus, offset, 4, value);
  return { outcome: state.outcome, emissions: bus.emitted.length };
}

describe('test finisher', () => {
  it('passes, fails with a code and resets, and tells its host', () => {
    expect(outcomeOf(0x5555)).toEqual({ outcome: { kind: 'pass' }, emissions: 1 });
    expect(outcomeOf(0x002a_3333)).toEqual({ outcome: { kind: 'fail', code: 42 }, emissions: 1 });
    expect(outcomeOf(0x7777)).toEqual({ outcome: { kind: 'reset' }, emissions: 1 });
  });

  it('never reports a failure as success', () => {
    expect(outcomeOf(0x3333).outcome).toEqual({ kind: 'fail', code: 1 });
  });

  it('ignores other values and other offsets', () => {
    expect(outcomeOf(0x1234)).toEqual({ outcome: null, emissions: 0 });
    expect(outcomeOf(0x5555, 4)).toEqual({ outcome: null, emissions: 0 });
  });

  it('keeps the first outcome until it is reset', () => {
    const bus = mockBus();
    const state = testFinisherState();
    testFinisher.write(state, bus, 0, 4, 0x0001_3333);
    testFinisher.write(state, bus, 0, 4, 0x5555);
    expect(state.outcome).toEqual({ kind: 'fail', code: 1 });
    expect(bus.emitted.length).toBe(1);
    testFinisher.reset(state, bus);
    expect(state.outcome).toBe(null);
  });
});
