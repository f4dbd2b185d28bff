/** Something that must be let go of. Register it where it is created. */
export interface Disposable {
  dispose(): void;
}

const live = new Set<Disposable>();
let tracking = false;

/** Leak check for test suites: start before, ask after; whatever was created and not disposed is returned. */
export const trackDisposables = (): (() => readonly Disposable[]) => {
  tracking = true;
  live.clear();
  return () => {
    tracking = false;
    return [...live];
  };
};

/** Owns disposables and lets them go together; adding to a disposed store disposes at once. */
export class DisposableStore implements Disposable {
  private readonly items = new Set<Disposable>();
  private disposed = false;

  constructor() {
    if (tracking) live.add(this);
  }

  add<T extends Disposable>(item: T): T {
    if (this.disposed) item.dispose();
    else this.items.add(item);
    return item;
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    live.delete(this);
    for (const item of this.items) item.dispose();
    this.items.clear();
  }
}

export const toDisposable = (dispose: () => void): Disposable => ({ dispose });
