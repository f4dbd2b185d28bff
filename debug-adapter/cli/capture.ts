import type { Disposable } from '../../emulator/base/disposable.ts';
import { PcapngWriter } from '../../emulator/net/pcapng.ts';
import type { Machine } from '../../emulator/xen/toolstack/machine-boot.ts';
import type { OutputFiles } from './session-files.ts';

/** Writes every frame on every switch into a file, from now on. @throws UserError `file.unwritable` */
export function captureTo(machine: Machine, files: OutputFiles, path: string): Disposable {
  const file = files.create(path);
  const writer = new PcapngWriter((bytes) => file.append(bytes), machine.clock.wallClockAtBoot().seconds);
  const subscription = machine.networks.network.onFrame((frame) => writer.frame(frame));
  return {
    dispose: () => {
      subscription.dispose();
      file.close();
    },
  };
}
