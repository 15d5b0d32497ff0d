import { describe, expect, it } from 'vitest';
import { connectPort, consoleState, holdPort, resizeConsole, virtioConsole } from '../../../vdev/virtio/console.ts';
import { ascii } from '../mock-bus.ts';
import { Driver, reg, VERSION_1 } from './driver.ts';

const MULTIPORT = 1;
const event = { deviceReady: 0, deviceAdd: 1, portReady: 3, consolePort: 4, resize: 5, portOpen: 6, portName: 7 };

function machine(features: number[] = [VERSION_1, MULTIPORT]) {
  const ports = [
    { name: '', console: true },
    { name: 'channel.log', console: false },
  ];
  const driver = new Driver(virtioConsole, consoleState(ports, 100, 30));
  driver.queueSize = 16;
  driver.start(features);
  const control = (id: number, kind: number, value: number) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, id, true);
    view.setUint16(4, kind, true);
    view.setUint16(6, value, true);
    driver.send(3, [{ out: new Uint8Array(view.buffer) }]);
    driver.notify(3);
  };
  const buffers: number[] = [];
  /** Gives the device buffers for control messages. */
  const listen = (count: number) => {
    for (let i = 0; i < count; i++) buffers.push(driver.send(2, [{ in: 64 }]).addresses[0]!);
    driver.notify(2);
  };
  /** Control messages that have come. */
  const heard = () =>
    driver.used(2).map(({ length }) => {
      const bytes = driver.bytes(buffers.shift()!, length);
      const view = new DataView(Uint8Array.from(bytes).buffer);
      return [view.getUint32(0, true), view.getUint16(4, true), view.getUint16(6, true), ...bytes.slice(8)];
    });
  return { driver, control, listen, heard };
}

describe('virtio console', () => {
  it('shows its size and number of ports', () => {
    const { driver } = machine();
    expect([driver.read(reg.config, 2), driver.read(reg.config + 2, 2), driver.read(reg.config + 4)]).toEqual([
      100, 30, 2,
    ]);
  });

  it('announces its ports, and tells each one what it is once the driver is ready', () => {
    const { control, listen, heard } = machine();
    listen(10);
    control(0, event.deviceReady, 1);
    expect(heard()).toEqual([
      [0, event.deviceAdd, 1],
      [1, event.deviceAdd, 1],
    ]);
    control(0, event.portReady, 1);
    expect(heard()).toEqual([
      [0, event.consolePort, 1],
      [0, event.portOpen, 1],
      [0, event.resize, 0, 100, 0, 30, 0],
    ]);
    control(1, event.portReady, 1);
    expect(heard()).toEqual([
      [1, event.portOpen, 1],
      [1, event.portName, 1, ...ascii('channel.log')],
    ]);
  });

  it('keeps control messages until the driver has buffers for them', () => {
    const { control, listen, heard } = machine();
    control(0, event.deviceReady, 1);
    control(0, event.portReady, 1);
    listen(1);
    expect(heard()).toEqual([[0, event.deviceAdd, 1]]);
    listen(9);
    expect(heard().length).toBe(4);
  });

  it('emits output on its port', () => {
    const { driver } = machine();
    driver.send(1, [{ out: ascii('hello, ') }, { out: ascii('world') }]);
    driver.notify(1);
    driver.send(5, [{ out: ascii('log') }]);
    driver.notify(5);
    expect([driver.bus.text(0), driver.bus.text(1)]).toEqual(['hello, world', 'log']);
    expect([driver.used(1), driver.used(5)]).toEqual([[{ head: 0, length: 0 }], [{ head: 0, length: 0 }]]);
  });

  it('leaves output with the guest while a port is held, also from within an emission', () => {
    const { driver } = machine();
    const emit = driver.bus.emit.bind(driver.bus);
    driver.bus.emit = (port, bytes) => {
      emit(port, bytes);
      holdPort(driver.state, driver.bus, port, true);
    };
    for (const text of ['a', 'b']) driver.send(5, [{ out: ascii(text) }]);
    driver.notify(5);
    driver.send(1, [{ out: ascii('other') }]);
    driver.notify(1);
    expect([driver.bus.text(1), driver.used(5).length, driver.bus.text(0)]).toEqual(['a', 1, 'other']);
    holdPort(driver.state, driver.bus, 1, false);
    expect([driver.bus.text(1), driver.used(5).length]).toEqual(['ab', 1]);
  });

  it('takes input for an open port as far as there are buffers', () => {
    const { driver, control } = machine();
    const { addresses } = driver.send(4, [{ in: 4 }]);
    driver.send(4, [{ in: 2 }]);
    expect(driver.input(ascii('abcdefgh'), 1)).toBe(0);
    control(1, event.portOpen, 1);
    expect(driver.input(ascii('abcdefgh'), 1)).toBe(6);
    expect(driver.bytes(addresses[0]!, 4)).toEqual([...ascii('abcd')]);
    expect(driver.used(4).map(({ length }) => length)).toEqual([4, 2]);
    control(1, event.portOpen, 0);
    driver.send(4, [{ in: 4 }]);
    expect(driver.input(ascii('x'), 1)).toBe(0);
    expect(driver.input(ascii('x'), 7)).toBe(0);
  });

  it('is a plain console to a driver without multiport', () => {
    const { driver } = machine([VERSION_1]);
    const { addresses } = driver.send(0, [{ in: 8 }]);
    expect(driver.input(ascii('hi'))).toBe(2);
    expect(driver.bytes(addresses[0]!, 2)).toEqual([...ascii('hi')]);
    expect(driver.input(ascii('hi'), 1)).toBe(0);
  });

  it('tells of a new size by message, or by configuration change without multiport', () => {
    const { driver, control, listen, heard } = machine();
    listen(10);
    control(0, event.portReady, 1);
    heard();
    resizeConsole(driver.state, driver.bus, 132, 43);
    expect(heard()).toEqual([[0, event.resize, 0, 132, 0, 43, 0]]);
    const plain = machine([VERSION_1]).driver;
    const generation = plain.read(reg.configGeneration);
    resizeConsole(plain.state, plain.bus, 132, 43);
    expect([plain.acknowledge(), plain.read(reg.config, 2)]).toEqual([2, 132]);
    expect(plain.read(reg.configGeneration)).not.toBe(generation);
  });

  it('tells a port that its other end has gone and come back', () => {
    const { driver, control, listen, heard } = machine();
    listen(10);
    control(1, event.portReady, 1);
    heard();
    connectPort(driver.state, driver.bus, 1, false);
    connectPort(driver.state, driver.bus, 1, true);
    expect(heard()).toEqual([
      [1, event.portOpen, 0],
      [1, event.portOpen, 1],
    ]);
  });

  it('writes emergency output before there is a driver', () => {
    const { driver } = machine();
    driver.write(reg.status, 0);
    driver.write(reg.config + 8, 0x21);
    expect(driver.bus.text()).toBe('!');
  });

  it('does not grow however often a driver says it is ready', () => {
    const { driver, control } = machine();
    for (let i = 0; i < 500; i++) control(i % 3, i % 2 === 0 ? event.deviceReady : event.portReady, 1);
    expect(driver.needsReset).toBe(false);
    expect(JSON.stringify(driver.state.device).length).toBeLessThan(1000);
  });

  it('keeps names and connections through a reset, and closes the guest ends', () => {
    const { driver, control } = machine();
    control(1, event.portOpen, 1);
    driver.write(reg.status, 0);
    expect(driver.state.device.ports[1]).toMatchObject({ name: 'channel.log', guestOpen: false, hostOpen: true });
  });
});
