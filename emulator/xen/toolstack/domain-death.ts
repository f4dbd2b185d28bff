/**
 * What becomes of a domain that has ended: on_poweroff, on_reboot and on_crash of its configuration, as xl carries them
 * out (handle_domain_death).
 *
 * NOT IMPLEMENTED: core dumps (the action is carried out without one), rename-restart (restarts and keeps nothing).
 */
import { UserError } from '../../base/user-error.ts';
import type { Domain, DomainShutdown } from '../common/domain.ts';
import { isRefusal } from '../common/refusal.ts';
import type { DomainConfig, LifecycleAction } from './domain-config.ts';
import type { BootedDomain, Machine } from './machine-boot.ts';

export type DeathOutcome =
  /** It stays as it is, to be looked at. */
  | { readonly kind: 'kept'; readonly reason?: string }
  | { readonly kind: 'destroyed' }
  | { readonly kind: 'restarted'; readonly booted: BootedDomain };

/** The action for a kind of end; a suspended domain waits to be resumed. */
export function actionOnDeath(config: DomainConfig, shutdown: DomainShutdown): LifecycleAction {
  switch (shutdown.kind) {
    case 'poweroff':
      return config.onPoweroff;
    case 'reboot':
      return config.onReboot;
    case 'crash':
      return config.onCrash;
    case 'suspend':
      return 'preserve';
    default:
      // on_watchdog and on_soft_reset are not read; these are their defaults.
      return 'destroy';
  }
}

/**
 * Carries the action out, between two runs. The machine's last domain is not destroyed: whoever runs the machine wants
 * to look at it.
 */
export async function handleDomainDeath(machine: Machine, domain: Domain): Promise<DeathOutcome> {
  const booted = machine.domains.find((each) => each.domain === domain);
  if (booted === undefined || domain.shutdown === undefined) return { kind: 'kept' };
  switch (actionOnDeath(booted.config, domain.shutdown)) {
    case 'restart':
    case 'rename-restart':
    case 'coredump-restart':
      return restart(machine, booted);
    case 'preserve':
      return { kind: 'kept' };
    default:
      if (!machine.domains.some((other) => other.domain.alive)) return { kind: 'kept' };
      machine.destroy(booted);
      return { kind: 'destroyed' };
  }
}

async function restart(machine: Machine, old: BootedDomain): Promise<DeathOutcome> {
  try {
    const booted = await machine.restart(old);
    if (isRefusal(booted)) return { kind: 'kept', reason: `it cannot restart: ${booted.reason}` };
    return { kind: 'restarted', booted };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { kind: 'kept', reason: `it cannot restart: ${error.message}` };
  }
}
