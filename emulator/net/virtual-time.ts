/** The machine's time and timers, as the network uses them. */
export interface VirtualTime {
  /** Nanoseconds of virtual time. */
  now(): number;
  /** Executed guest instructions. */
  instructions(): number;
  /** Calls `fire` once `deadline` is reached. One per key; setting again replaces. */
  setTimer(key: string, deadline: number, fire: () => void): void;
  clearTimer(key: string): void;
}
