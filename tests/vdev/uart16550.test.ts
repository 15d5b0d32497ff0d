import { produce } from 'immer';
import { describe, expect, it } from 'vitest';
import { type Uart16550State, uart16550, uart16550State } from '../../vdev/uart16550.ts';
import { ascii, mockBus } from './mock-bus.ts';

function machine() {
  const bus = mockBus();
  const state = uart16550State();
  return {
    bus,
    state,
    read: (offset: number) => uart16550.read(state, bus, offset, 1),
    write: (offset: number, value: number) => uart16550.write(state, bus, offset, 1, value),
    input: (text: string) => uart16550.input!(state, bus, 0, ascii(text)),
    tick: () => uart16550.tick!(state, bus),
  };
}

const [DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 3, 4, 5, 6, 7];

describe('16550 UART', () => {
  it('sends each byte written to THR and is ready for the next', () => {
    const { bus, read, write } = machine();
    for (const byte of ascii('hi!')) {
      expect(read(LSR) & 0x60).toBe(0x60);
      write(DATA, byte);
    }
    expect(bus.text()).toBe('hi!');
  });

  it('delivers received bytes in order and reports data ready until they are read', () => {
    const { read, write, input } = machine();
    write(IIR, 1);
    expect(read(LSR) & 1).toBe(0);
    expect(input('abc')).toBe(3);
    expect([read(DATA), read(DATA)]).toEqual([97, 98]);
    expect(read(LSR) & 1).toBe(1);
    expect(read(DATA)).toBe(99);
    expect(read(LSR) & 1).toBe(0);
    expect(read(DATA)).toBe(0);
  });

  it('takes one byte without FIFOs and sixteen with them, and leaves the rest to its host', () => {
    const plain = machine();
    expect(plain.input('abc')).toBe(1);
    const fifo = machine();
    fifo.write(IIR, 1);
    expect(fifo.input('x'.repeat(40))).toBe(16);
    expect(fifo.input('y')).toBe(0);
  });

  it('shows the divisor latch instead of data and IER while DLAB is set', () => {
    const { bus, read, write } = machine();
    write(IER, 5);
    write(LCR, 0x83);
    write(DATA, 0x34);
    write(IER, 0x12);
    expect([read(DATA), read(IER)]).toEqual([0x34, 0x12]);
    write(LCR, 3);
    expect(read(IER)).toBe(5);
    expect(bus.emitted).toEqual([]);
  });

  it('raises THRE when enabled and clears it when IIR reports it', () => {
    const { bus, read, write } = machine();
    write(IER, 2);
    expect(bus.interrupt).toBe(true);
    expect(read(IIR)).toBe(2);
    expect(bus.interrupt).toBe(false);
    expect(read(IIR)).toBe(1);
    write(DATA, 65);
    expect(bus.interrupt).toBe(true);
    write(IER, 0);
    expect(bus.interrupt).toBe(false);
  });

  it('raises received data at the trigger level, and by timeout below it', () => {
    const { bus, read, write, input, tick } = machine();
    write(IIR, 0x81);
    write(IER, 1);
    input('1234567');
    expect(bus.interrupt).toBe(false);
    const timeout = bus.wakeTime;
    expect(timeout).toBeGreaterThan(0);
    bus.now = timeout;
    tick();
    expect(bus.interrupt).toBe(true);
    expect(read(IIR)).toBe(0xcc);
    read(DATA);
    expect(bus.interrupt).toBe(false);
    input('89');
    expect(read(IIR)).toBe(0xc4);
  });

  it('computes the character timeout from divisor and frame', () => {
    const { bus, write, input } = machine();
    write(IIR, 0xc1);
    input('a');
    // 10 bits at 115200 baud, four characters.
    expect(bus.wakeTime).toBe(4 * Math.ceil(1e10 / 115_200));
  });

  it('reports received data before an empty transmitter', () => {
    const { read, write, input } = machine();
    write(IER, 3);
    input('a');
    expect(read(IIR)).toBe(4);
    read(DATA);
    expect(read(IIR)).toBe(2);
  });

  it('loops the transmitter and modem outputs back without touching the line', () => {
    const { bus, read, write, input } = machine();
    write(IIR, 1);
    write(MCR, 0x10 | 0xa);
    expect(read(MSR) & 0xf0).toBe(0x90);
    expect(read(MSR) & 0xf).toBe(0);
    write(DATA, 0x5a);
    expect(read(DATA)).toBe(0x5a);
    expect(bus.emitted).toEqual([]);
    expect(input('lost')).toBe(0);
  });

  it('marks changes of modem lines and the trailing edge of RI until MSR is read', () => {
    const { bus, read, write } = machine();
    write(MCR, 0x10 | 0x04);
    read(MSR);
    write(IER, 8);
    write(MCR, 0x10);
    expect(bus.interrupt).toBe(true);
    expect(read(IIR) & 0xf).toBe(0);
    expect(read(MSR) & 0xf).toBe(4);
    expect(bus.interrupt).toBe(false);
  });

  it('reports an overrun in loopback once, by a line status interrupt', () => {
    const { bus, read, write } = machine();
    write(MCR, 0x10);
    write(IER, 4);
    write(DATA, 1);
    expect(bus.interrupt).toBe(false);
    write(DATA, 2);
    expect(read(IIR)).toBe(6);
    expect(read(LSR) & 3).toBe(3);
    expect(read(LSR) & 2).toBe(0);
    expect(read(DATA)).toBe(2);
  });

  it('keeps the scratch register and forgets it on reset', () => {
    const { bus, state, read, write } = machine();
    write(SCR, 0xa5);
    expect(read(SCR)).toBe(0xa5);
    uart16550.reset(state, bus);
    expect(state).toEqual(uart16550State());
  });

  it('works on an immer draft and on a copy through JSON', () => {
    const bus = mockBus();
    let state: Uart16550State = uart16550State();
    state = produce(state, (draft) => {
      uart16550.write(draft, bus, IIR, 1, 1);
      uart16550.input!(draft, bus, 0, ascii('ab'));
    });
    expect(Object.isFrozen(state)).toBe(true);
    const copy = JSON.parse(JSON.stringify(state)) as Uart16550State;
    expect(uart16550.read(copy, bus, DATA, 1)).toBe(97);
  });
});
