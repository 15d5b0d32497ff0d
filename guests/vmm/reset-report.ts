// How a virtual machine's own end reaches its supervisor.

/** SBI's extension id of system reset, "SRST": the system call by which a monitor passes it on (see cell-port.ts). */
export const systemReset = 0x5352_5354;
