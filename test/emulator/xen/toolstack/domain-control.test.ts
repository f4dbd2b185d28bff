import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SHUTDOWN_POWEROFF, SHUTDOWN_SUSPEND } from '../../../../emulator/xen/common/domain.ts';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { bootDomains, type Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import {
  machineFromSnapshot,
  readSnapshot,
  takeSnapshot,
} from '../../../../emulator/xen/toolstack/machine-snapshot.ts';
import { findViolations } from '../common/invariants.ts';
import { loadedGuest, runTo, sampleGuest } from './booted.ts';

/** What becomes of requests; that Linux does as it is asked is seen in test/guests/domain-control.guest.test.ts. */

let machine: Machine;
let notices: string[];

/** The sample, with or without the note that its kernel knows cancelled suspends. */
async function boot(suspendCancel: boolean): Promise<void> {
  const { image, ...rest } = loadedGuest(sampleGuest());
  const parameters = { ...image.parameters, suspendCancel };
  machine = await bootDomains({ domains: [{ ...rest, image: { ...image, parameters } }], createMachine });
  machine.onNotice(({ text }) => notices.push(text));
  runTo(machine, 20_000);
}

beforeEach(async () => {
  notices = [];
  await boot(true);
});
afterEach(() => machine.dispose());

const domain = () => machine.domains[0]?.domain as NonNullable<Machine['domains'][0]>['domain'];
const node = (path: string) => machine.store.read(`/local/domain/1/${path}`);
/** As the guest's hypercall does. */
const suspendItself = () => machine.hypervisor.shutDown(domain(), SHUTDOWN_SUSPEND, undefined, domain().vcpus[0]);

test('shutdown, reboot, halt and the suspends write control/shutdown', () => {
  const rows = { shutdown: 'poweroff', reboot: 'reboot', halt: 'halt', suspend: 'suspend' };
  for (const [command, value] of Object.entries({ ...rows, checkpoint: 'suspend', migrate: 'suspend' })) {
    machine.store.hostWrite('/local/domain/1/control/shutdown', '');
    expect(machine.control(1, command)).toBeUndefined();
    expect(node('control/shutdown')).toBe(value);
  }
});

test('mem-set writes the target, and lowers what the domain may have', () => {
  const most = Number(node('memory/static-max')) / 1024;
  expect(machine.control(1, 'mem-set 4')).toBeUndefined();
  expect(node('memory/target')).toBe('4096');
  // LIBXL_MAXMEM_CONSTANT: 1 MB more than the guest is told.
  expect(domain().maxPages).toBe(5 * 256);
  expect(machine.control(1, `mem-set ${most}`)).toBeUndefined();
  expect(domain().maxPages).toBe(most * 256);
  for (const wrong of ['0', `${most + 1}`, '-1', 'x', '1e3']) {
    expect(machine.control(1, `mem-set ${wrong}`)).toMatchObject({ errno: 22 });
  }
  expect(domain().maxPages).toBe(most * 256);
});

test('sysrq takes one key', () => {
  expect(machine.control(1, 'sysrq h')).toBeUndefined();
  expect(node('control/sysrq')).toBe('h');
  expect(machine.control(1, 'sysrq help')).toMatchObject({ errno: 22 });
});

test('what cannot be is refused in words', () => {
  const wrong: readonly (readonly [domid: number, line: string, reason: string])[] = [
    [1, 'explode', 'there is no command "explode"'],
    [1, '', 'there is no command ""'],
    [1, 'toString', 'there is no command "toString"'],
    [1, 'shutdown now', 'shutdown takes no argument'],
    [1, 'mem-set', 'mem-set takes MB'],
    [7, 'shutdown', 'there is no domain 7'],
    [1, 'resume', 'domain 1 is not suspended'],
  ];
  for (const [domid, line, reason] of wrong) expect(machine.control(domid, line)?.reason).toContain(reason);
});

test('what has ended is asked for nothing', () => {
  machine.hypervisor.shutDown(domain(), SHUTDOWN_POWEROFF, undefined, undefined);
  for (const line of ['shutdown', 'suspend', 'mem-set 4', 'sysrq h', 'resume']) {
    expect(machine.control(1, line)).toMatchObject({ errno: 22 });
  }
});

describe('a domain that has suspended itself', () => {
  test('stays so, unasked or asked to, until it is resumed', () => {
    machine.control(1, 'suspend');
    suspendItself();
    expect(machine.run(1000)).toMatchObject({ kind: 'ended' });
    expect(machine.run(1000).kind).toBe('idle');
    expect(machine.control(1, 'resume')).toBeUndefined();
    expect(domain()).toMatchObject({ domid: 1, state: 'running', shutdown: undefined });
  });

  test('goes on by itself after checkpoint; once', () => {
    machine.control(1, 'checkpoint');
    suspendItself();
    expect(machine.run(1000).kind).toBe('budget');
    expect(domain().state).toBe('running');
    suspendItself();
    expect(machine.run(1000).kind).toBe('ended');
  });

  test('and another request in between counts', () => {
    machine.control(1, 'checkpoint');
    machine.control(1, 'shutdown');
    suspendItself();
    expect(machine.run(1000).kind).toBe('ended');
  });

  test('is not resumed where its kernel knows no cancelled suspend', async () => {
    machine.dispose();
    await boot(false);
    expect(machine.control(1, 'checkpoint')?.reason).toContain('SUSPEND_CANCEL');
    expect(node('control/shutdown')).toBe('');
    suspendItself();
    machine.run(1);
    expect(machine.control(1, 'resume')?.reason).toContain('SUSPEND_CANCEL');
    expect(domain().suspended).toBe(true);
  });

  test('whose memory cannot be carried over is not migrated, and goes on where it is', () => {
    // The sample has told nobody where its list of frames is.
    machine.control(1, 'migrate');
    suspendItself();
    expect(machine.run(1000).kind).toBe('budget');
    expect(domain()).toMatchObject({ domid: 1, state: 'running' });
    expect(notices).toEqual([expect.stringContaining('cannot migrate')]);
    expect(findViolations(machine.hypervisor)).toEqual([]);
  });

  test('is still served by its back ends', () => {
    suspendItself();
    machine.run(1);
    machine.sendConsole(1, Buffer.from('info\n'));
    let said = '';
    machine.onConsole(({ bytes }) => {
      said += Buffer.from(bytes).toString('latin1');
    });
    machine.control(1, 'resume');
    runTo(machine, 60_000);
    expect(said).toContain('pages');
  });
});

test('a snapshot knows what is to come of a suspend', async () => {
  machine.control(1, 'checkpoint');
  const snapshot = readSnapshot(new Uint8Array(Buffer.concat(takeSnapshot(machine))));
  const again = await machineFromSnapshot(createMachine, snapshot);
  for (const each of [machine, again]) {
    const [only] = each.domains;
    each.hypervisor.shutDown(only?.domain as never, SHUTDOWN_SUSPEND, undefined, only?.domain.vcpus[0]);
    expect(each.run(10_000).kind).toBe('budget');
  }
  expect(again.memoryHash()).toBe(machine.memoryHash());
  again.dispose();
});
