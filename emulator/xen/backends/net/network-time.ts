import type { VirtualTime } from '../../../net/virtual-time.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';

/** The machine's time for its switches. */
export function networkTime(xen: Hypervisor): VirtualTime {
  return {
    now: () => xen.clock.now(),
    instructions: () => xen.clock.instructions,
    setTimer: (key, deadline, fire) => xen.setHostTimer(key, deadline, fire),
    clearTimer: (key) => xen.clearHostTimer(key),
  };
}
