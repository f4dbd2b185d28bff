import { describe, expect, it } from 'vitest';
import type { Mfn, Port } from '../../../../../emulator/base/numbers.ts';
import type { BackendDriver, Entries } from '../../../../../emulator/xen/backends/xenbus/driver.ts';
import type { FrontendLink } from '../../../../../emulator/xen/backends/xenbus/frontend-link.ts';
import { formatPermission } from '../../../../../emulator/xen/backends/xenstore/permissions.ts';
import { findNode } from '../../../../../emulator/xen/backends/xenstore/tree.ts';
import { isRefusal, type Refusal, refuse } from '../../../../../emulator/xen/common/refusal.ts';
import { ScriptedGuest } from '../scripted-frontend.ts';

/** One page, one port; echoes events. */
class EchoDriver implements BackendDriver {
  readonly kind = 'vbd';
  readonly handle = 51712;
  readonly frontendEntries: Entries = [['virtual-device', '51712']];
  readonly backendEntries: Entries = [['mode', 'w']];
  readonly log: string[] = [];
  link: FrontendLink | undefined;
  mfns: readonly Mfn[] = [];
  port = 0 as Port;

  offers(): Entries {
    this.log.push('offers');
    return [['feature-echo', '1']];
  }
  connect(link: FrontendLink): Entries | Refusal {
    const ref = link.number('ring-ref');
    if (isRefusal(ref)) return ref;
    const port = link.number('event-channel');
    if (isRefusal(port)) return port;
    const mfns = link.mapPages([ref]);
    if (isRefusal(mfns)) return mfns;
    const bound = link.bindPort(port, () => {
      this.log.push('event');
      link.notify(bound as Port);
    });
    if (isRefusal(bound)) return bound;
    this.link = link;
    this.mfns = mfns;
    this.port = bound;
    this.log.push('connect');
    return [['sectors', '8']];
  }
  disconnect(): void {
    this.log.push('disconnect');
    this.link = undefined;
  }
  rings() {
    return [];
  }
  save(): unknown {
    return { mfns: this.mfns, port: this.port };
  }
  restore(state: unknown, link: FrontendLink | undefined): void {
    const saved = state as { mfns: readonly Mfn[]; port: Port };
    this.mfns = saved.mfns;
    if (link !== undefined) link.bindPort(saved.port, () => this.log.push('event after restore'));
  }
  dispose(): void {
    this.log.push('dispose');
  }
}

const VBD = { kind: 'vbd', handle: 51712 } as const;

function plugged() {
  const guest = new ScriptedGuest();
  const drivers: EchoDriver[] = [];
  const device = guest.xenbus.attach(guest.domain, () => {
    drivers.push(new EchoDriver());
    return drivers.at(-1) as EchoDriver;
  });
  const driver = drivers[0] as EchoDriver;
  if (isRefusal(device)) throw new Error(device.reason);
  const state = (): string =>
    `${guest.store.read(guest.front(VBD, 'state'))}/${guest.store.read(guest.back(VBD, 'state'))}`;
  const frontState = (value: number): void => {
    expect(guest.write(guest.front(VBD, 'state'), String(value))).toBeUndefined();
    guest.advance();
  };
  /** What a front end does up to Initialised. */
  const bringUp = (ref = 8): Port => {
    guest.grant(ref, 20);
    const port = guest.allocatePort();
    guest.write(guest.front(VBD, 'ring-ref'), String(ref));
    guest.write(guest.front(VBD, 'event-channel'), String(port));
    frontState(3);
    return port;
  };
  const address = { domid: guest.domain.domid, ...VBD };
  return { guest, driver, drivers, device, state, frontState, bringUp, address };
}

describe('directories', () => {
  it('has what libxl writes, with its permissions (libxl__device_generic_add)', () => {
    const { guest } = plugged();
    const { domid } = guest.domain;
    const tree = (path: string): string[] => {
      const node = findNode(guest.store.root, path);
      const lines = [...(node?.children ?? [])].map(([name]) => `${name}=${guest.store.read(`${path}/${name}`)}`);
      return [node?.permissions.map(formatPermission).join(',') ?? 'absent', ...lines];
    };
    expect(tree(`/local/domain/${domid}/device/vbd/51712`)).toEqual([
      `n${domid},r0`,
      `backend=/local/domain/0/backend/vbd/${domid}/51712`,
      'backend-id=0',
      'state=1',
      'virtual-device=51712',
    ]);
    expect(tree(`/local/domain/0/backend/vbd/${domid}/51712`)).toEqual([
      `n0,r${domid}`,
      `frontend=/local/domain/${domid}/device/vbd/51712`,
      `frontend-id=${domid}`,
      'online=1',
      'state=2',
      'mode=w',
      'feature-echo=1',
      'hotplug-status=connected',
    ]);
    expect(guest.store.read(`/libxl/${domid}/device/vbd/51712/backend`)).toBe(
      `/local/domain/0/backend/vbd/${domid}/51712`,
    );
  });

  it('refuses a second device of the same name', () => {
    const { guest } = plugged();
    expect(guest.xenbus.attach(guest.domain, () => new EchoDriver())).toMatchObject({ errno: 17 });
  });

  it('lets the guest write only its own', () => {
    const { guest } = plugged();
    expect(guest.write(guest.back(VBD, 'state'), '4')).toBe('EACCES');
    expect(guest.write(guest.front(VBD, 'anything'), 'x')).toBeUndefined();
  });
});

describe('handshake', () => {
  it('connects, carries events, closes and connects again', () => {
    const { guest, driver, state, frontState, bringUp } = plugged();
    expect(state()).toBe('1/2');
    const port = bringUp();
    expect(state()).toBe('3/4');
    expect(guest.store.read(guest.back(VBD, 'sectors'))).toBe('8');
    expect(driver.mfns).toEqual([guest.machine.mfn(20)]);
    frontState(4);
    guest.send(port);
    expect(driver.log).toEqual(['offers', 'connect', 'event']);
    expect(guest.pending(port)).toBe(true);
    expect(guest.inUse(8)).toBe(true);

    frontState(5);
    expect(state()).toBe('5/5');
    frontState(6);
    expect(state()).toBe('6/6');
    expect(guest.inUse(8)).toBe(false);
    frontState(1);
    expect(state()).toBe('1/2');
    bringUp(9);
    expect(state()).toBe('3/4');
    expect(driver.log.slice(3)).toEqual(['disconnect', 'offers', 'connect']);
  });

  it('looks at a front end some virtual time after its write, not within it', () => {
    const { guest, state } = plugged();
    guest.grant(8, 20);
    guest.write(guest.front(VBD, 'state'), '3');
    guest.write(guest.front(VBD, 'ring-ref'), '8');
    guest.write(guest.front(VBD, 'event-channel'), String(guest.allocatePort()));
    expect(state()).toBe('3/2');
    guest.advance();
    expect(state()).toBe('3/4');
  });

  it.each([
    [
      'no ring-ref',
      (guest: ScriptedGuest) => guest.remove(guest.front(VBD, 'ring-ref')),
      'the front end wrote no ring-ref',
    ],
    [
      'a ring-ref that is no number',
      (guest: ScriptedGuest) => guest.write(guest.front(VBD, 'ring-ref'), '8\x07'),
      'the front end wrote ring-ref = "8?"',
    ],
    ['a grant that does not exist', (guest: ScriptedGuest) => guest.revoke(8), 'mapping ring-ref 8: grant 8'],
    [
      'a grant beyond the table',
      (guest: ScriptedGuest) => guest.write(guest.front(VBD, 'ring-ref'), '4294967295'),
      'mapping ring-ref 4294967295',
    ],
    [
      'a read-only grant',
      (guest: ScriptedGuest) => guest.grant(8, 20, true),
      'mapping ring-ref 8: grant 8 of domain 1 is read-only',
    ],
    [
      'a port for somebody else',
      (guest: ScriptedGuest) => guest.write(guest.front(VBD, 'event-channel'), '77'),
      'port 77',
    ],
  ])('gives up a front end with %s, and says why', (_name, sabotage, reason) => {
    const { guest, state, frontState } = plugged();
    guest.grant(8, 20);
    guest.write(guest.front(VBD, 'ring-ref'), '8');
    guest.write(guest.front(VBD, 'event-channel'), String(guest.allocatePort()));
    sabotage(guest);
    frontState(3);
    expect(state()).toBe('3/5');
    expect(guest.store.read(`/local/domain/0/error/backend/vbd/1/51712/error`)).toContain(reason);
    expect(guest.machine.notices.at(-1)).toContain(reason);
    expect(guest.inUse(8)).toBe(false);
    frontState(6);
    frontState(1);
    expect(state()).toBe('1/2');
  });

  it('takes nonsense and removed directories for a front end that has gone', () => {
    const { guest, state, frontState, bringUp } = plugged();
    bringUp();
    guest.write(guest.front(VBD, 'state'), '4444444444');
    guest.advance();
    expect(state()).toBe('4444444444/6');
    expect(guest.inUse(8)).toBe(false);
    frontState(1);
    bringUp(9);
    expect(guest.remove(guest.front(VBD, 'state').replace('/state', ''))).toBeUndefined();
    guest.advance();
    expect(guest.store.read(guest.back(VBD, 'state'))).toBe('6');
    expect(guest.inUse(9)).toBe(false);
  });
});

describe('a driver that gives up', () => {
  it('ends the connection from within an event', () => {
    const { guest, driver, device, state, bringUp } = plugged();
    const port = bringUp();
    driver.link?.device.fail(refuse('EINVAL', 'ring overrun'));
    expect(state()).toBe('3/5');
    expect(device.connected).toBe(false);
    guest.send(port);
    expect(driver.log).not.toContain('event');
  });
});

describe('unplugging', () => {
  it('asks the guest, and removes everything when it has closed', () => {
    const { guest, driver, state, frontState, bringUp, address } = plugged();
    bringUp();
    guest.watch(guest.back(VBD, 'state'));
    expect(guest.xenbus.detach(address)).toBeUndefined();
    expect(state()).toBe('3/5');
    expect(guest.store.read(guest.back(VBD, 'online'))).toBe('0');
    expect(guest.events).toContain(guest.back(VBD, 'state'));
    frontState(5);
    expect(state()).toBe('5/5');
    frontState(6);
    expect(state()).toBe('undefined/undefined');
    expect(guest.store.read(`/libxl/1/device/vbd/51712`)).toBeUndefined();
    expect(guest.inUse(8)).toBe(false);
    expect(driver.log.slice(-2)).toEqual(['disconnect', 'dispose']);
    expect(guest.xenbus.detach(address)).toMatchObject({ errno: 2 });
  });

  it('is at once where no front end has come up, or by force', () => {
    const idle = plugged();
    idle.guest.xenbus.detach(idle.address);
    expect(idle.state()).toBe('undefined/undefined');
    const used = plugged();
    used.bringUp();
    used.guest.xenbus.detach(used.address, true);
    expect(used.state()).toBe('undefined/undefined');
    expect(used.guest.inUse(8)).toBe(false);
  });

  it('goes with its domain', () => {
    const { guest, driver, bringUp } = plugged();
    bringUp();
    guest.machine.xen.crash(guest.domain, 'test');
    guest.advance();
    guest.xenbus.removeDomain(guest.domain.domid);
    expect(driver.log.slice(-2)).toEqual(['disconnect', 'dispose']);
    expect(guest.domain.grantTable.active.size).toBe(0);
  });
});

it('restores a connection, and what was about to be looked at', () => {
  const { guest, drivers, state, bringUp, address } = plugged();
  const port = bringUp();
  guest.write(guest.front(VBD, 'state'), '5');
  const saved = structuredClone(guest.xenbus.save());
  guest.advance();
  expect(state()).toBe('5/5');
  guest.xenbus.restore(saved);
  expect(guest.xenbus.device(address)?.connected).toBe(true);
  guest.send(port);
  expect(drivers.at(-1)?.log).toEqual(['event after restore']);
  guest.store.hostWrite(guest.back(VBD, 'state'), '4');
  guest.advance();
  expect(state()).toBe('5/5');
});

it('says which device of a state it cannot make', () => {
  const { guest, address } = plugged();
  const saved = structuredClone(guest.xenbus.save());
  guest.xenbus.detach(address, true);
  guest.xenbus.restore(saved);
  expect(guest.xenbus.device(address)).toBeUndefined();
  expect(guest.machine.notices.at(-1)).toContain('vbd 51712: not plugged in now');
});
