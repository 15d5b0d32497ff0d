// What the host can ask of a realm, through the one function that it knows of it.

export const command = {
  /** JSON of the limits: evaluates the modules. `failed` when that faulted. */
  start: 0,
  /** One turn of the thread. */
  resume: 1,
  /** → everything, as text */
  save: 2,
  /** text of `save` by the same program → empty, or why not */
  load: 3,
  /** the reason, a number in decimal */
  restart: 4,
  /** What was in progress is over; the state stays. */
  skip: 5,
  /** text of `save` by another version of the program → empty, or why not */
  adopt: 6,
} as const;
