/**
 * Puts a whole machine together: RAM and processor, clock, hypervisor, xenstore, and the domains with their back ends.
 * The command line, the debugger and the tests all start here.
 */
import type { OpenDisk } from '../../base/disk-store.ts';
import type { Disposable } from '../../base/disposable.ts';
import { DisposableStore } from '../../base/disposable.ts';
import { Emitter } from '../../base/event.ts';
import type { Domid } from '../../base/numbers.ts';
import { Clock, type WallClock } from '../../machine/clock.ts';
import type { InputLog } from '../../machine/input-log.ts';
import { InputPoint } from '../../machine/input-point.ts';
import type { Ram } from '../../machine/ram.ts';
import type { Processor } from '../../x86/cpu/processor.ts';
import type { DomainConsole } from '../backends/console/domain-console.ts';
import type { DeviceController } from '../backends/device-controller.ts';
import { Xenbus } from '../backends/xenbus/xenbus.ts';
import type { XenstoreBackend } from '../backends/xenstore/backend.ts';
import { removeDomainEntries, writeDomainEntries, writeHostEntries } from '../backends/xenstore/initial-tree.ts';
import type { XsMessage } from '../backends/xenstore/protocol.ts';
import { XenStore } from '../backends/xenstore/store.ts';
import type { Domain } from '../common/domain.ts';
import { Hypervisor, type RunResult } from '../common/hypervisor.ts';
import { Random } from '../common/random.ts';
import { isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import type { ControlRecord } from '../ring/describe-control-ring.ts';
import type { RingDescription } from '../ring/describe-ring.ts';
import { BlockDevices, type OpenedDisk, openDisks } from './block-devices.ts';
import type { AnyLayout } from './build-options.ts';
import type { DeviceReport } from './device-lists.ts';
import { abiOf, buildDomain } from './domain-builder.ts';
import type { DomainConfig } from './domain-config.ts';
import { DomainControl } from './domain-control.ts';
import { deviceRefused } from './errors.ts';
import { connectHost, type HostConnections, type HostSide, type XenbusConnections } from './host-side.ts';
import { type KernelImage, keepSymbolsOnly } from './image/kernel-image.ts';
import type { LoadedDomain } from './load-domain.ts';
import { type BootedDomainState, domainParts, type MachineState, saveMachine } from './machine-state.ts';
import { memoryHash, registersHash } from './memory-hash.ts';
import { rebuild } from './migrate.ts';
import { NetworkDevices } from './network-devices.ts';

/** RAM of so many frames and a processor over it. */
export type CreateMachine = (frames: number) => Promise<{ readonly ram: Ram; readonly processor: Processor }>;

export interface BootOptions {
  readonly domains: readonly LoadedDomain[];
  readonly createMachine: CreateMachine;
  /** Opens disk images; without it, domains with disks are refused. */
  readonly openDisk?: OpenDisk | undefined;
  /** Order of machine frames, uuids: all that is arbitrary. */
  readonly seed?: number | undefined;
  /** What the guest takes for the date at boot; fixed by default. */
  readonly epoch?: WallClock | undefined;
  /** Leave the domains paused. */
  readonly paused?: boolean;
}

export interface BootedDomain {
  readonly config: DomainConfig;
  readonly image: KernelImage;
  readonly domain: Domain;
  readonly layout: AnyLayout;
  readonly connections: HostConnections;
  readonly console: DomainConsole;
  /** Of a domain that has one. */
  readonly xenstore: XenstoreBackend | undefined;
  /** Of a domain that has no xenbus: it plugs the devices, and is the console as well. */
  readonly controller: HostSide['controller'];
}

export interface ConsoleOutput {
  readonly domain: Domain;
  readonly bytes: Uint8Array;
}

/** A request that went over a control interface. */
export interface ControlTraffic {
  readonly domain: Domain;
  readonly record: ControlRecord;
}

export interface XenstoreTraffic {
  readonly domain: Domain;
  readonly direction: 'toHost' | 'toGuest';
  readonly message: XsMessage;
}

export interface DeviceNotice {
  readonly domain: Domain;
  /** "vbd 51712: …". */
  readonly text: string;
}

export interface MachineStatistics {
  readonly instructions: number;
  readonly virtualSeconds: number;
}

/** Inputs, so plain data. The folder is what a relative image name starts from. */
type DiskPlug = { domid: number; text: string; folder: string | undefined };
const DISK_PLUG = 'disk-plug';
type DiskUnplug = { domid: number; vdev: string; force: boolean };
type VifUnplug = { domid: number; handle: number; force: boolean };

/** What a domain can be built from once more. Not state: a restored machine has no images at first. */
interface Source {
  readonly loaded: LoadedDomain;
  /** Nanoseconds of virtual time at which it was built, or restored. */
  readonly since: number;
  /** How many times in a row it has ended soon after it was built. */
  quickRestarts: number;
}

/** Nanoseconds; as xend had MINIMUM_RESTART_TIME, so that a kernel that cannot start does not go round for ever. */
const QUICK_RESTART = 1e9;
const MOST_QUICK_RESTARTS = 5;
const PAGES_PER_MEGABYTE = 256;
export const DEFAULT_SEED = 1;
/** Machine frames beyond what is accounted for: grant-table and event pages that guests make Xen allocate. */
const SPARE_FRAMES = 256;

/** @throws UserError when an image or the configuration cannot be built into a domain */
export async function bootDomains(options: BootOptions): Promise<Machine> {
  const seed = options.seed ?? DEFAULT_SEED;
  const pages = options.domains.reduce((sum, { config }) => sum + config.memory * PAGES_PER_MEGABYTE, 0);
  const narrow = options.domains.filter(({ image }) => abiOf(image) !== 'x86_64');
  const own = machineFrames(pages, options.domains.length);
  const frames =
    own +
    Hypervisor.compatFrames(
      own,
      narrow.reduce((sum, { config }) => sum + config.vcpus, 0),
    );
  const machine = await emptyMachine(options.createMachine, frames, seed, options.epoch);
  machine.openDisk = options.openDisk;
  try {
    for (const domain of options.domains) {
      machine.add(domain, await machine.openDisks(domain));
    }
  } catch (error) {
    machine.dispose();
    throw error;
  }
  if (options.paused !== true) for (const { domain } of machine.domains) machine.hypervisor.unpause(domain);
  return machine;
}

/** A machine without domains. */
export async function emptyMachine(
  createMachine: CreateMachine,
  frames: number,
  seed: number,
  epoch?: WallClock,
): Promise<Machine> {
  const { ram, processor } = await createMachine(frames);
  const clock = new Clock(processor, epoch);
  return new Machine(new Hypervisor({ ram, processor, clock, seed }), seed);
}

/** Xen's own need grows with the machine, so it is asked twice. */
function machineFrames(pages: number, domains: number): number {
  const first = pages + SPARE_FRAMES + Hypervisor.overheadFrames(pages, domains);
  return pages + SPARE_FRAMES + Hypervisor.overheadFrames(first, domains);
}

export class Machine implements Disposable {
  readonly store = new XenStore();
  readonly domains: BootedDomain[] = [];
  private readonly disposables = new DisposableStore();
  private readonly consoleEmitter = this.disposables.add(new Emitter<ConsoleOutput>());
  private readonly xenstoreEmitter = this.disposables.add(new Emitter<XenstoreTraffic>());
  private readonly noticeEmitter = this.disposables.add(new Emitter<DeviceNotice>());
  private readonly controlEmitter = this.disposables.add(new Emitter<ControlTraffic>());
  /** A device failed in a way that whoever runs the machine should know of: its host, or its front end. */
  readonly onNotice = this.noticeEmitter.event;
  /** Fires synchronously inside the guest instruction that sent the bytes. */
  readonly onConsole = this.consoleEmitter.event;
  readonly onXenstore = this.xenstoreEmitter.event;
  readonly onControl = this.controlEmitter.event;
  private readonly random: Random;
  /** Console and xenstore of all domains. */
  private backends = new DisposableStore();
  /** Whatever comes from outside passes here. */
  readonly input: InputPoint;
  private readonly vifs: {
    readonly plug: (input: { domid: number; text: string }) => Refusal | undefined;
    readonly unplug: (input: VifUnplug) => Refusal | undefined;
  };
  private readonly diskInputs: {
    readonly plug: (input: DiskPlug) => Refusal | undefined;
    readonly unplug: (input: DiskUnplug) => Refusal | undefined;
    readonly resize: (input: { domid: number; vdev: string }) => Refusal | undefined;
  };
  private readonly typed: (input: { readonly domid: number; readonly bytes: Uint8Array }) => void;
  /** Disks and network interfaces of all domains. */
  readonly xenbus: Xenbus;
  /** Disks, and the files behind them. */
  readonly disks: BlockDevices;
  /** Opens disk images; without it, domains with disks are refused. */
  openDisk: OpenDisk | undefined;
  /** What each domain can be built from once more. */
  private readonly sources = new Map<Domain, Source>();
  /** Switches, and the network interfaces that are plugged into them. */
  readonly networks: NetworkDevices;
  private readonly domainControl: DomainControl;
  private readonly controlled: (input: { readonly domid: number; readonly line: string }) => Refusal | undefined;

  constructor(
    readonly hypervisor: Hypervisor,
    readonly seed: number,
  ) {
    this.random = new Random(seed);
    this.input = new InputPoint({
      clock: hypervisor.clock,
      settle: () => hypervisor.settle(),
      nextDeadline: () => hypervisor.nextDeadline(),
      requestStop: () => hypervisor.requestStop(),
      registersHash: () => registersHash(hypervisor),
      memoryHash: () => this.memoryHash(),
    });
    this.typed = this.input.define('console', ({ domid, bytes }: { domid: number; bytes: Uint8Array }) =>
      this.domains.find(({ domain }) => domain.domid === domid)?.console.sendInput(bytes),
    );
    this.xenbus = this.disposables.add(
      new Xenbus(hypervisor, this.store, (domain, text) => this.noticeEmitter.fire({ domain, text })),
    );
    const controllerOf = (domid: number): DeviceController | undefined => this.live(domid)?.controller;
    this.disks = this.disposables.add(new BlockDevices(hypervisor, this.xenbus, controllerOf));
    this.diskInputs = {
      plug: this.input.define(DISK_PLUG, ({ domid, text }: DiskPlug) => this.disks.plugOffered(domid, text)),
      unplug: this.input.define('disk-unplug', ({ domid, vdev, force }: DiskUnplug) =>
        this.disks.unplug(domid, vdev, force),
      ),
      resize: this.input.define('disk-resize', ({ domid, vdev }: { domid: number; vdev: string }) =>
        this.disks.resized(domid, vdev),
      ),
    };
    this.vifs = {
      plug: this.input.define('vif-plug', ({ domid, text }: { domid: number; text: string }) => {
        const domain = hypervisor.domains.get(domid as Domid);
        const result = domain === undefined ? noDomain(domid) : this.networks.plug(domain, text);
        return isRefusal(result) ? result : undefined;
      }),
      unplug: this.input.define('vif-unplug', ({ domid, handle, force }: VifUnplug) =>
        this.networks.unplug(domid, handle, force),
      ),
    };
    this.networks = new NetworkDevices(hypervisor, this.xenbus, this.random, controllerOf);
    hypervisor.onConsoleIo = (domain, bytes) => this.consoleOutput(domain, bytes);
    this.domainControl = new DomainControl({
      hypervisor,
      store: this.store,
      migrate: (domain) => this.migrate(domain),
      knowsCancel: ({ domid }) => this.live(domid)?.image.parameters.suspendCancel === true,
      controllerOf: ({ domid }) => this.live(domid)?.controller,
      notice: (domain, text) => this.noticeEmitter.fire({ domain, text }),
    });
    this.controlled = this.input.define('control', ({ domid, line }: { domid: number; line: string }) =>
      this.domainControl.carryOut(domid, line),
    );
    writeHostEntries(this.store);
    this.store.onOutbox = (domid) => this.domains.find(({ domain }) => domain.domid === domid)?.xenstore?.pump();
  }

  /**
   * Builds a domain and connects its back ends; it stays paused. `disks`: those of its configuration, opened; they are
   * closed where it fails. @throws UserError
   */
  add(loaded: LoadedDomain, disks: readonly OpenedDisk[] = []): BootedDomain {
    const { config, image } = loaded;
    const uuid = config.uuid === undefined ? this.randomUuid() : uuidFromText(config.uuid);
    const { domain, layout, connections } = closingOnError(disks, () =>
      buildDomain(this.hypervisor, {
        name: config.name,
        image,
        ramdisk: loaded.ramdisk,
        commandLine: config.commandLine,
        pages: config.memory * PAGES_PER_MEGABYTE,
        vcpus: config.vcpus,
        uuid,
      }),
    );
    if (connections.kind === 'xenbus') this.writeEntries(domain, config, connections);
    const booted = this.connect({ config, image: keepSymbolsOnly(image), domain, layout, connections });
    this.plugAll(booted, disks, config.vifs);
    this.keepSource(booted, loaded);
    return booted;
  }

  /** All disks belong to the machine from now on, or are closed. @throws UserError for a device that is refused */
  private plugAll({ domain, config }: BootedDomain, disks: readonly OpenedDisk[], vifs: readonly string[]): void {
    for (const [index, disk] of disks.entries()) {
      const device = this.disks.plug(domain, disk);
      if (!isRefusal(device)) continue;
      for (const { store } of disks.slice(index + 1)) store.close();
      throw deviceRefused(config.name, disk.config.vdev, device.reason);
    }
    for (const text of vifs) {
      const device = this.networks.plug(domain, text);
      if (isRefusal(device)) throw deviceRefused(config.name, text, device.reason);
    }
  }

  private writeEntries(domain: Domain, config: DomainConfig, connections: XenbusConnections): void {
    const { consoleMfn, consolePort, xenstoreMfn, xenstorePort } = connections;
    const { seconds, nanoseconds } = this.hypervisor.clock.wallClock();
    writeDomainEntries(this.store, {
      domid: domain.domid,
      name: config.name,
      uuid: uuidText(domain.handle),
      memoryKilobytes: config.memory * 1024,
      vcpus: config.vcpus,
      kernel: config.kernel,
      ramdisk: config.ramdisk,
      commandLine: config.commandLine,
      xenstore: { port: xenstorePort, mfn: xenstoreMfn },
      console: { port: consolePort, mfn: consoleMfn },
      startTime: `${seconds}.${String(Math.floor(nanoseconds / 10_000_000)).padStart(2, '0')}`,
    });
  }

  /** What a domain, of a snapshot perhaps, can be built from again when it restarts. What was made up for it stays. */
  keepSource({ domain }: BootedDomain, loaded: LoadedDomain): void {
    const vifs = this.networks.list(domain.domid).map(({ specification }) => specification);
    const config = { ...loaded.config, uuid: uuidText(domain.handle), vifs };
    this.sources.set(domain, { loaded: { ...loaded, config }, since: this.clock.now(), quickRestarts: 0 });
  }

  /** The disks of a configuration. @throws UserError */
  openDisks({ config, folder }: LoadedDomain): Promise<readonly OpenedDisk[]> {
    return openDisks(config.disks, config.name, folder, this.openDisk);
  }

  /** Takes a domain with its devices off the machine; others hear of it. What it was stays in `domains`. */
  destroy({ domain, console, xenstore, controller }: BootedDomain): void {
    this.xenbus.removeDomain(domain.domid);
    this.disks.removeDomain(domain.domid);
    controller?.disconnect();
    console.dispose();
    xenstore?.dispose();
    removeDomainEntries(this.store, domain.domid);
    this.hypervisor.destroy(domain);
    this.sources.delete(domain);
  }

  /**
   * Destroys a domain and builds it anew from the same images, with the same uuid and addresses and another number; it
   * runs. Refused, and nothing done, where the images are not at hand, or when it does nothing but restart. Only between
   * runs. @throws UserError when its disks cannot be opened again, or the machine's memory is used up
   */
  async restart(old: BootedDomain): Promise<BootedDomain | Refusal> {
    const source = this.sources.get(old.domain);
    if (source === undefined) return refuse('ENOENT', 'a snapshot does not hold the images it was built from');
    const quick = this.clock.now() - source.since < QUICK_RESTART ? source.quickRestarts + 1 : 0;
    if (quick > MOST_QUICK_RESTARTS) {
      return refuse('EBUSY', `it has done nothing but restart ${MOST_QUICK_RESTARTS} times, each within a second`);
    }
    this.destroy(old);
    const booted = this.add(source.loaded, await this.openDisks(source.loaded));
    (this.sources.get(booted.domain) as Source).quickRestarts = quick;
    this.domains.pop();
    this.domains[this.domains.indexOf(old)] = booted;
    this.hypervisor.unpause(booted.domain);
    return booted;
  }

  /** A suspended domain goes on as another, in other frames; see migrate.ts. */
  private migrate(domain: Domain): Refusal | undefined {
    const old = this.live(domain.domid);
    if (old === undefined) return noDomain(domain.domid);
    const source = this.sources.get(domain);
    const migrated = rebuild(this, old);
    if (isRefusal(migrated)) return migrated;
    const { connections } = migrated.restored;
    const { config, image, layout } = old;
    this.writeEntries(migrated.restored.domain, config, connections);
    const booted = this.connect({ config, image, layout, domain: migrated.restored.domain, connections });
    this.domains.pop();
    this.domains[this.domains.indexOf(old)] = booted;
    this.plugAll(booted, migrated.disks, migrated.vifs);
    if (source !== undefined) this.sources.set(booted.domain, source);
    const { domid } = booted.domain;
    if (migrated.target !== undefined) this.store.hostWrite(`/local/domain/${domid}/memory/target`, migrated.target);
    if (migrated.input.length > 0) booted.console.sendInput(migrated.input);
    this.hypervisor.unpause(booted.domain);
    return undefined;
  }

  /** Console and xenstore, or the controller, at the host's end. */
  private connect(parts: Omit<BootedDomain, keyof HostSide>): BootedDomain {
    const { domain } = parts;
    const host = connectHost(parts.connections, {
      hypervisor: this.hypervisor,
      domain,
      store: this.store,
      network: this.networks.network,
      onOutput: (bytes) => this.consoleEmitter.fire({ domain, bytes }),
      onXenstore: (direction, message) => this.xenstoreEmitter.fire({ domain, direction, message }),
      onReport: (text) => this.noticeEmitter.fire({ domain, text }),
      onMessage: (record) => this.controlEmitter.fire({ domain, record }),
    });
    this.backends.add(host.console);
    if (host.xenstore !== undefined) this.backends.add(host.xenstore);
    const booted = { ...parts, ...host };
    this.domains.push(booted);
    return booted;
  }

  /** The domain of that number that has not been destroyed. */
  private live(domid: number): BootedDomain | undefined {
    return this.domains.find(({ domain }) => domain.domid === domid && domain.state !== 'destroyed');
  }

  /** Every ring that a domain shares with its back ends. */
  rings(domid: number): readonly RingDescription[] {
    const booted = this.domains.find(({ domain }) => domain.domid === domid);
    if (booted === undefined) return [];
    const { console, xenstore, controller } = booted;
    const known = [console.describe(), xenstore?.describe()].filter((ring) => ring !== undefined);
    return [...known, ...(controller?.rings() ?? []), ...this.xenbus.rings(domid)];
  }

  /** Disks and network interfaces of a domain. */
  devices(domid: number): readonly DeviceReport[] {
    return [...this.disks.list(domid), ...this.networks.list(domid)];
  }

  /** Executes at most `budget` instructions; input that came meanwhile, or is replayed, enters. */
  run(budget: number): RunResult {
    return this.input.run(budget, (allowed) => {
      const result = this.hypervisor.run(allowed);
      const goesOn = result.kind === 'ended' && this.domainControl.attend(result.domain);
      return goesOn ? { kind: 'budget', vcpu: undefined } : result;
    });
  }

  /**
   * Asks something of a running domain, as xl does: a line of domain-control.ts's commands. Answers as `plugVif` does; what
   * the guest makes of it is seen later.
   */
  control(domid: number, line: string): Refusal | undefined {
    return this.controlled({ domid, line });
  }

  get clock(): Clock {
    return this.hypervisor.clock;
  }

  /** When idle: lets virtual time jump to the next deadline. False when there is none. */
  skipToNextDeadline(): boolean {
    return this.hypervisor.skipToNextDeadline();
  }

  /**
   * Plugs an interface into a running domain, as xl network-attach does; `text` as in `vif`. Undefined when it is done,
   * and while the guest runs, when it will be done at the next instruction boundary.
   */
  plugVif(domid: number, text: string): Refusal | undefined {
    return this.vifs.plug({ domid, text });
  }

  /** Unplugs an interface (xl network-detach): the guest is asked to let it go; with `force` it is gone at once. */
  unplugVif(domid: number, handle: number, force = false): Refusal | undefined {
    return this.vifs.unplug({ domid, handle, force });
  }

  /**
   * Opens an image and plugs it into a running domain, as xl block-attach does; `text` as in `disk`. Answers as `plugVif`
   * does. A replay needs the image offered before (`offerPlugged`). @throws UserError when the image cannot be opened
   */
  async plugDisk(domid: number, text: string, folder: string | undefined): Promise<Refusal | undefined> {
    await this.offerDisk(text, folder);
    return this.diskInputs.plug({ domid, text, folder });
  }

  /** The images that a recording's plugs will ask for, in their order; before it is replayed. @throws UserError */
  async offerPlugged(log: InputLog): Promise<void> {
    for (const { kind, data } of log.entries) {
      if (kind !== DISK_PLUG) continue;
      const { text, folder } = data as DiskPlug;
      await this.offerDisk(text, folder);
    }
  }

  private async offerDisk(text: string, folder: string | undefined): Promise<void> {
    for (const opened of await openDisks([text], 'disk', folder, this.openDisk)) this.disks.offer(text, opened);
  }

  /** Unplugs a disk by its name (xl block-detach): the guest is asked to let it go; with `force` it is gone at once. */
  unplugDisk(domid: number, vdev: string, force = false): Refusal | undefined {
    return this.diskInputs.unplug({ domid, vdev, force });
  }

  /** The image behind a disk has got another size, and the guest is told. */
  resizeDisk(domid: number, vdev: string): Refusal | undefined {
    return this.diskInputs.resize({ domid, vdev });
  }

  /** Bytes that a domain printed past its console: by a hypercall of its hypervisor's. */
  consoleOutput(domain: Domain, bytes: Uint8Array): void {
    this.consoleEmitter.fire({ domain, bytes });
  }

  /** Bytes typed on a domain's console. */
  sendConsole(domid: number, bytes: Uint8Array): void {
    this.typed({ domid, bytes });
  }

  statistics(): MachineStatistics {
    const { clock } = this.hypervisor;
    return { instructions: clock.instructions, virtualSeconds: clock.now() / 1e9 };
  }

  /** 32 hexadecimal digits; equal for equal memory and registers. */
  memoryHash(): string {
    return memoryHash(this.hypervisor);
  }

  /** Everything but the contents of RAM. Only between runs. */
  save(): MachineState {
    return saveMachine(this, this.random.save(), this.domainControl.save());
  }

  /** Everything as it was; `restoreRam` is called when RAM is to get its contents. Only between runs. */
  restore(state: MachineState, restoreRam: () => void): void {
    const { hypervisor, store } = this;
    this.domains.length = 0;
    store.connections.clear();
    hypervisor.beginRestore(state.hypervisor);
    this.backends.dispose();
    this.backends = new DisposableStore();
    for (const saved of state.domains) this.connect(domainParts(hypervisor, saved));
    restoreRam();
    store.restore(state.store);
    this.random.restore(state.random);
    this.networks.restore(state.networks as never);
    this.disks.restore(state.disks);
    // Controllers plug their interfaces into the switches again, in any order: a port's number is found by its name.
    this.domainControl.restore(state.control);
    for (const [index, { console, xenstore }] of this.domains.entries()) {
      const saved = state.domains[index] as BootedDomainState;
      console.restore(saved.console);
      if (saved.xenstore !== undefined) xenstore?.restore(saved.xenstore);
    }
    this.xenbus.restore(state.xenbus as never);
    hypervisor.finishRestore(state.hypervisor);
  }

  dispose(): void {
    this.backends.dispose();
    this.disposables.dispose();
  }

  private randomUuid(): Uint8Array {
    const bytes = Uint8Array.from({ length: 16 }, () => this.random.below(256));
    // Version 4, variant 1 (RFC 4122, 4.4).
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    return bytes;
  }
}

function closingOnError<T>(disks: readonly OpenedDisk[], work: () => T): T {
  try {
    return work();
  } catch (error) {
    for (const { store } of disks) store.close();
    throw error;
  }
}

function noDomain(domid: number): Refusal {
  return refuse('ESRCH', `there is no domain ${domid}`);
}

function uuidText(bytes: Uint8Array): string {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function uuidFromText(text: string): Uint8Array {
  const digits = text.replaceAll('-', '');
  return Uint8Array.from({ length: 16 }, (_, index) => Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16));
}
