/**
 * What xl asks of domains that run: through xenstore, which their kernels watch (control/shutdown, control/sysrq,
 * memory/target), and by letting suspended ones go on. Each command is one line, an input of the machine.
 *
 * NOT IMPLEMENTED: resuming a guest whose kernel does not know a cancelled suspend, except by `migrate`; migration of a
 * guest of Xen 2.0.
 */
import type { Domid } from '../../base/numbers.ts';
import type { XenStore } from '../backends/xenstore/store.ts';
import type { Domain } from '../common/domain.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { type Refusal, refuse } from '../common/refusal.ts';
import { EVENT_DIE } from '../public/xen-1.2/xen.ts';

export interface ControlHost {
  readonly hypervisor: Hypervisor;
  readonly store: XenStore;
  /** Makes a suspended domain anew from its own memory, and lets it run. */
  migrate(domain: Domain): Refusal | undefined;
  /** Whether its kernel knows what a cancelled suspend is (ELF note SUSPEND_CANCEL). */
  knowsCancel(domain: Domain): boolean;
  /** How a domain without a xenstore is asked: one of Xen 2.0 by messages, one of Xen 1.2 only to end, by an event. */
  controllerOf(domain: Domain): Partial<ControlMessages> | undefined;
  /** For whoever runs the machine. */
  notice(domain: Domain, text: string): void;
}

/** Requests of xm, as messages of the control interface. */
export interface ControlMessages {
  requestShutdown(kind: 'poweroff' | 'reboot' | 'suspend'): void;
  requestMemory(pages: number): void;
  sendSysrq(key: string): void;
}

/** What becomes of a domain once it has suspended itself. */
type AfterSuspend = 'stay' | 'resume' | 'migrate';

interface ControlCommand {
  readonly name: string;
  /** What its argument is called; none without. */
  readonly argument?: string;
  readonly help: string;
  readonly run: (control: DomainControl, domain: Domain, argument: string) => Refusal | undefined;
}

export const CONTROL_COMMANDS: readonly ControlCommand[] = [
  {
    name: 'shutdown',
    help: 'the guest is asked to power itself off, as by xl shutdown',
    run: (control, domain) => control.requestShutdown(domain, 'poweroff'),
  },
  {
    name: 'reboot',
    help: 'the guest is asked to reboot; on_reboot says what comes of it, and restarts it by default',
    run: (control, domain) => control.requestShutdown(domain, 'reboot'),
  },
  {
    name: 'halt',
    help: 'control/shutdown = halt',
    run: (control, domain) => control.requestShutdown(domain, 'halt'),
  },
  {
    name: 'suspend',
    help: 'the guest is asked to suspend itself, and stays so until resume or migrate',
    run: (control, domain) => control.suspend(domain, 'stay'),
  },
  {
    name: 'resume',
    help: 'a suspended guest goes on as if its suspend had been cancelled',
    run: (control, domain) => control.resume(domain),
  },
  {
    name: 'checkpoint',
    help: 'suspend, then resume at once, as xl save -c does',
    run: (control, domain) => control.suspend(domain, 'resume'),
  },
  {
    name: 'migrate',
    help: 'suspend, then a new domain from its memory on this very machine, as xl migrate to localhost',
    run: (control, domain) => control.suspend(domain, 'migrate'),
  },
  {
    name: 'mem-set',
    argument: 'MB',
    help: 'the guest is asked to have so much memory (memory/target), and may have no more',
    run: (control, domain, argument) => control.setMemory(domain, argument),
  },
  {
    name: 'sysrq',
    argument: 'KEY',
    help: 'a magic SysRq key for a Linux guest',
    run: (control, domain, argument) => control.sendSysrq(domain, argument),
  },
];

/** What a domain of Xen 1.2 can be asked: to die (DOM0_DESTROYDOMAIN without force raises EVENT_DIE; kill_other_domain). */
const DYING: readonly string[] = ['shutdown', 'halt'];
const PAGES_PER_MEGABYTE = 256;
/** LIBXL_MAXMEM_CONSTANT: beyond what the guest is told. */
const SLACK_PAGES = 256;

export class DomainControl {
  /** By domid, of those that have been asked to suspend themselves. */
  private readonly afterSuspend = new Map<number, AfterSuspend>();

  constructor(private readonly host: ControlHost) {}

  /** One command line for one domain. Undefined when the guest has been asked, or it is done. */
  carryOut(domid: number, line: string): Refusal | undefined {
    const [name = '', ...words] = line.trim().split(/\s+/);
    const command = CONTROL_COMMANDS.find((row) => row.name === name);
    if (command === undefined) {
      return refuse(
        'EINVAL',
        `there is no command "${name}"; there are ${CONTROL_COMMANDS.map((row) => row.name).join(', ')}`,
      );
    }
    if (words.length !== (command.argument === undefined ? 0 : 1)) {
      return refuse('EINVAL', `${name} takes ${command.argument === undefined ? 'no argument' : command.argument}`);
    }
    const domain = this.host.hypervisor.domains.get(domid as Domid);
    if (domain === undefined) return refuse('ESRCH', `there is no domain ${domid}`);
    const controller = this.host.controllerOf(domain);
    const onlyDies = controller !== undefined && controller.requestShutdown === undefined;
    if (onlyDies && !DYING.includes(name)) return noWayToAsk(domain);
    const refusal = command.run(this, domain, words[0] ?? '');
    // Who asked while the guest ran gets no answer.
    if (refusal !== undefined) this.host.notice(domain, `${name}: ${refusal.reason}`);
    return refusal;
  }

  requestShutdown(domain: Domain, how: 'poweroff' | 'reboot' | 'halt' | 'suspend'): Refusal | undefined {
    if (!domain.alive) return notRunning(domain);
    this.afterSuspend.delete(domain.domid);
    const controller = this.host.controllerOf(domain);
    if (controller === undefined) this.host.store.hostWrite(`/local/domain/${domain.domid}/control/shutdown`, how);
    else if (controller.requestShutdown !== undefined) controller.requestShutdown(how === 'halt' ? 'poweroff' : how);
    else this.host.hypervisor.raiseDeviceEvent(domain, EVENT_DIE);
    return undefined;
  }

  suspend(domain: Domain, then: AfterSuspend): Refusal | undefined {
    if (then === 'resume' && !this.host.knowsCancel(domain)) return knowsNoCancel(domain);
    if (domain.suspended) return then === 'stay' ? undefined : this.goOn(domain, then);
    const refusal = this.requestShutdown(domain, 'suspend');
    if (refusal === undefined) this.afterSuspend.set(domain.domid, then);
    return refusal;
  }

  resume(domain: Domain): Refusal | undefined {
    if (!domain.suspended) return refuse('EINVAL', `domain ${domain.domid} is not suspended`);
    return this.host.knowsCancel(domain) ? this.goOn(domain, 'resume') : knowsNoCancel(domain);
  }

  /** libxl_set_memory_target: the balloon's target, and a ceiling a little above. */
  setMemory(domain: Domain, megabytes: string): Refusal | undefined {
    if (!domain.alive) return notRunning(domain);
    const controller = this.host.controllerOf(domain);
    const most = Math.floor(domain.p2m.length / PAGES_PER_MEGABYTE);
    const wanted = /^\d{1,7}$/.test(megabytes) ? Number(megabytes) : 0;
    if (wanted < 1 || wanted > most)
      return refuse('EINVAL', `a domain of ${most} MB can have 1 to ${most} MB, not ${megabytes}`);
    domain.maxPages = Math.min(wanted * PAGES_PER_MEGABYTE + SLACK_PAGES, domain.p2m.length);
    const target = `/local/domain/${domain.domid}/memory/target`;
    if (controller === undefined) this.host.store.hostWrite(target, String(wanted * 1024));
    else controller.requestMemory?.(wanted * PAGES_PER_MEGABYTE);
    return undefined;
  }

  sendSysrq(domain: Domain, key: string): Refusal | undefined {
    if (!domain.alive) return notRunning(domain);
    if (!/^[a-z0-9]$/.test(key)) return refuse('EINVAL', 'a SysRq key is one letter or digit');
    const controller = this.host.controllerOf(domain);
    if (controller === undefined) this.host.store.hostWrite(`/local/domain/${domain.domid}/control/sysrq`, key);
    else controller.sendSysrq?.(key);
    return undefined;
  }

  /** A domain has just ended. True: it was a suspend that somebody asked for, and it goes on. */
  attend(domain: Domain): boolean {
    const then = this.afterSuspend.get(domain.domid);
    this.afterSuspend.delete(domain.domid);
    if (!domain.suspended || then === undefined || then === 'stay') return false;
    const refusal = this.goOn(domain, then);
    if (refusal === undefined) return true;
    this.host.notice(domain, `cannot ${then}: ${refusal.reason}`);
    // What was asked for cannot be, and the guest can do without.
    return then === 'migrate' && this.host.knowsCancel(domain) && this.host.hypervisor.resume(domain) === undefined;
  }

  save(): readonly (readonly [domid: number, then: string])[] {
    return [...this.afterSuspend];
  }

  restore(state: readonly (readonly [domid: number, then: string])[]): void {
    this.afterSuspend.clear();
    for (const [domid, then] of state) this.afterSuspend.set(domid, then as AfterSuspend);
  }

  private goOn(domain: Domain, how: 'resume' | 'migrate'): Refusal | undefined {
    return how === 'resume' ? this.host.hypervisor.resume(domain) : this.host.migrate(domain);
  }
}

function notRunning(domain: Domain): Refusal {
  return refuse('EINVAL', `domain ${domain.domid} does not run`);
}

function noWayToAsk(domain: Domain): Refusal {
  return refuse(
    'EOPNOTSUPP',
    `domain ${domain.domid} can only be asked to shut down: Xen 1.2 has an event for that, and no messages`,
  );
}

function knowsNoCancel(domain: Domain): Refusal {
  return refuse(
    'EOPNOTSUPP',
    `the kernel of domain ${domain.domid} does not know a cancelled suspend (no ELF note SUSPEND_CANCEL); migrate it`,
  );
}
