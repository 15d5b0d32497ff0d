// What the host can ask of a realm, through the one function that it knows of it.

export const command = {
  /** JSON of the limits: evaluates the modules. `failed` when that faulted. */
  start: 0,
  /** One turn of the thread. */
  resume: 1,
  /** → everything, as text */
  save: 2,
  /** text of `save` → empty, or why not */
  load: 3,
  /** the reason */
  restart: 4,
} as const;
