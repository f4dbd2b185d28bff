import type { SessionHost } from '../../debug-adapter/session/host.ts';
import { targetOptions } from '../../debug-adapter/session/lifecycle.ts';
import type { Disposable } from '../../emulator/base/disposable.ts';
import type { DebugTarget } from '../../emulator/debug/target.ts';
import type { TargetOptions } from '../../emulator/debug/target-options.ts';

type CreateTarget = SessionHost['createTarget'];

/**
 * Builds the machine while the workbench is still opening the session: VS Code asks for the adapter, lays out its views
 * and shakes hands before it sends `launch`, and the machine is ready by then. Used once, and only if `launch` wants
 * the very same machine; every later one (a restart rereads the kernel) is built when it is asked for.
 */
export class EarlyBoot implements Disposable {
  private early: { readonly key: string; readonly target: Promise<DebugTarget> } | undefined;

  constructor(private readonly build: CreateTarget) {}

  /** `configuration` as VS Code will send it with `launch`. What is wrong with it is for `launch` to say. */
  start(configuration: Readonly<Record<string, unknown>>): void {
    let options: TargetOptions;
    try {
      options = targetOptions(configuration);
    } catch {
      return;
    }
    const target = this.build(options);
    target.catch(() => undefined);
    this.early = { key: keyOf(options), target };
  }

  createTarget(options: TargetOptions): Promise<DebugTarget> {
    const { early } = this;
    if (early === undefined) return this.build(options);
    if (early.key === keyOf(options)) {
      this.early = undefined;
      return early.target;
    }
    this.dispose();
    return this.build(options);
  }

  /** Lets a machine go that nobody came for. */
  dispose(): void {
    const { early } = this;
    this.early = undefined;
    early?.target.then(
      (target) => target.dispose(),
      () => undefined,
    );
  }
}

const keyOf = (options: TargetOptions): string => JSON.stringify(options);
