import { type Disposable, toDisposable } from './disposable.ts';

/** Subscribe; dispose the result to stop listening. */
export type Event<T> = (listener: (value: T) => void) => Disposable;

/** Private half of an event: the owner fires, everybody else sees only `event`. */
export class Emitter<T> implements Disposable {
  private readonly listeners = new Set<(value: T) => void>();

  readonly event: Event<T> = (listener) => {
    this.listeners.add(listener);
    return toDisposable(() => this.listeners.delete(listener));
  };

  fire(value: T): void {
    for (const listener of [...this.listeners]) listener(value);
  }

  dispose(): void {
    this.listeners.clear();
  }
}
