/** Seeded pseudo-random numbers (xorshift32, Marsaglia 2003): the same seed, the same sequence, on every host. */
export class Random {
  private state: number;

  constructor(seed: number) {
    // Spread small seeds over all bits; the state must not be 0.
    this.state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ (seed >>> 15)) >>> 0 || 1;
  }

  save(): number {
    return this.state;
  }

  restore(state: number): void {
    this.state = state;
  }

  /** 0 … limit-1. */
  below(limit: number): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return Math.floor((this.state / 4294967296) * limit);
  }
}
