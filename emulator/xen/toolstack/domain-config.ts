/**
 * What a domain is to be, from the settings of xl.cfg(5). One row per setting.
 *
 * NOT IMPLEMENTED: core dumps and rename-restart (see domain-death.ts).
 */
import { UserError } from '../../base/user-error.ts';
import { parseDiskConfig } from './disk-config.ts';
import { parseVif } from './vif-config.ts';
import { type Position, parseXlConfig, type XlAssignment, type XlValue } from './xl-cfg.ts';

export type LifecycleAction =
  | 'destroy'
  | 'restart'
  | 'rename-restart'
  | 'preserve'
  | 'coredump-destroy'
  | 'coredump-restart';
export type XenAbi = '1.2' | '2.0' | '4';

export interface DomainConfig {
  readonly name: string;
  /** As written; relative paths are relative to the configuration file. */
  readonly kernel: string;
  readonly ramdisk: string | undefined;
  /** Whole kernel command line, `root` and `extra` joined as xl joins them. */
  readonly commandLine: string;
  /** MB. */
  readonly memory: number;
  readonly vcpus: number;
  /** As written, and found right; disk-config.ts reads them. */
  readonly disks: readonly string[];
  readonly vifs: readonly string[];
  readonly onPoweroff: LifecycleAction;
  readonly onReboot: LifecycleAction;
  readonly onCrash: LifecycleAction;
  /** Where the image does not tell. */
  readonly xenAbi: XenAbi | undefined;
  readonly uuid: string | undefined;
}

export interface ReadConfig {
  readonly config: DomainConfig;
  /** One line each: unknown or not yet supported settings. */
  readonly warnings: readonly string[];
}

export const DEFAULT_MEMORY_MB = 128;
const MAX_MEMORY_MB = 3072;
const MIN_MEMORY_MB = 4;

interface RawConfig {
  name?: string;
  kernel?: string;
  ramdisk?: string;
  cmdline?: string;
  root?: string;
  extra?: string;
  memory?: number;
  vcpus?: number;
  disks?: readonly string[];
  vifs?: readonly string[];
  onPoweroff?: LifecycleAction;
  onReboot?: LifecycleAction;
  onCrash?: LifecycleAction;
  xenAbi?: XenAbi;
  uuid?: string;
}

type Setting = (to: RawConfig, value: XlValue, context: Context) => void;

const SETTINGS: Readonly<Record<string, Setting>> = {
  name: (to, value, context) => {
    to.name = text(value, context);
  },
  kernel: (to, value, context) => {
    to.kernel = text(value, context);
  },
  ramdisk: (to, value, context) => {
    to.ramdisk = text(value, context);
  },
  cmdline: (to, value, context) => {
    to.cmdline = text(value, context);
  },
  root: (to, value, context) => {
    to.root = text(value, context);
  },
  extra: (to, value, context) => {
    to.extra = text(value, context);
  },
  memory: (to, value, context) => {
    to.memory = number(value, context, MIN_MEMORY_MB, MAX_MEMORY_MB);
  },
  maxmem: (_to, value, context) => {
    number(value, context, MIN_MEMORY_MB, Number.MAX_SAFE_INTEGER);
    context.warn(value.at, 'maxmem is ignored: a domain keeps the memory it starts with');
  },
  vcpus: (to, value, context) => {
    to.vcpus = number(value, context, 1, 32);
  },
  maxvcpus: (_to, value, context) => {
    number(value, context, 1, 32);
  },
  disk: (to, value, context) => {
    to.disks = diskTexts(value, context);
  },
  vif: (to, value, context) => {
    to.vifs = texts(value, context);
    for (const text of to.vifs) {
      const read = parseVif(text);
      if (typeof read === 'string') throw context.error(value.at, read);
      for (const warning of read.warnings) context.warn(value.at, `vif: ${warning}`);
    }
  },
  on_poweroff: (to, value, context) => {
    to.onPoweroff = action(value, context);
  },
  on_reboot: (to, value, context) => {
    to.onReboot = action(value, context);
  },
  on_crash: (to, value, context) => {
    to.onCrash = action(value, context);
  },
  xen_abi: (to, value, context) => {
    to.xenAbi = xenAbi(value, context);
  },
  uuid: (to, value, context) => {
    to.uuid = uuid(value, context);
  },
  type: (_to, value, context) => oneOf(value, context, ['pv']),
  builder: (_to, value, context) => oneOf(value, context, ['generic', 'linux']),
};

/** Settings of real configurations that change nothing here. */
const HARMLESS: ReadonlySet<string> = new Set([
  'on_watchdog',
  'on_soft_reset',
  'cpus',
  'cpu_weight',
  'pool',
  'localtime',
  'vfb',
  'pae',
  'e820_host',
  'timer_mode',
]);

class Context {
  readonly warnings: string[] = [];
  key = '';

  constructor(readonly file: string) {}

  warn(at: Position, message: string): void {
    this.warnings.push(`${this.file}:${at.line}: ${message}`);
  }

  error(at: Position, problem: string): UserError {
    return new UserError(
      'config.value',
      `${this.file}:${at.line}:${at.column}: ${this.key} ${problem}.`,
      'See xl.cfg(5).',
    );
  }
}

/** `file` names the source in messages. @throws UserError `config.*` */
export function readDomainConfig(source: string, file: string): ReadConfig {
  return configFromAssignments(parseXlConfig(source, file), file);
}

function configFromAssignments(assignments: readonly XlAssignment[], file: string): ReadConfig {
  const context = new Context(file);
  const raw: RawConfig = {};
  for (const { key, value, at } of assignments) {
    context.key = key;
    const setting = Object.hasOwn(SETTINGS, key) ? SETTINGS[key] : undefined;
    if (setting !== undefined) setting(raw, value, context);
    else if (!HARMLESS.has(key)) context.warn(at, `unknown setting ${key} is ignored`);
  }
  if (raw.kernel === undefined) {
    throw new UserError('config.no-kernel', `${file} names no kernel.`, 'Add a line kernel = "path/to/image".');
  }
  return { config: complete(raw, raw.kernel, context), warnings: context.warnings };
}

/** The same settings spelt out, as a launch configuration has them. */
export interface DomainKeys {
  readonly name?: string | undefined;
  readonly kernel: string;
  readonly ramdisk?: string | undefined;
  readonly cmdline?: string | undefined;
  /** MB. */
  readonly memory?: number | undefined;
  readonly vcpus?: number | undefined;
  readonly disks?: readonly string[] | undefined;
  readonly vifs?: readonly string[] | undefined;
  readonly abi?: XenAbi | undefined;
}

/** @throws UserError `config.*` */
export function domainConfigFromKeys(keys: DomainKeys): ReadConfig {
  const at = { line: 1, column: 1 };
  const string = (value: string): XlValue => ({ kind: 'string', text: value, at });
  const list = (items: readonly string[]): XlValue => ({ kind: 'list', items: items.map(string), at });
  const numeric = (value: number): XlValue => ({ kind: 'number', value, text: String(value), at });
  const values: Readonly<Record<string, XlValue | undefined>> = {
    name: keys.name === undefined ? undefined : string(keys.name),
    kernel: string(keys.kernel),
    ramdisk: keys.ramdisk === undefined ? undefined : string(keys.ramdisk),
    cmdline: keys.cmdline === undefined ? undefined : string(keys.cmdline),
    memory: keys.memory === undefined ? undefined : numeric(keys.memory),
    vcpus: keys.vcpus === undefined ? undefined : numeric(keys.vcpus),
    disk: keys.disks === undefined ? undefined : list(keys.disks),
    vif: keys.vifs === undefined ? undefined : list(keys.vifs),
    xen_abi: keys.abi === undefined ? undefined : string(keys.abi),
  };
  const assignments = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value, at }],
  );
  return configFromAssignments(assignments, nameFromPath(keys.kernel));
}

function complete(raw: RawConfig, kernel: string, context: Context): DomainConfig {
  if (raw.cmdline !== undefined && (raw.root !== undefined || raw.extra !== undefined)) {
    context.warnings.push(`${context.file}: root and extra are ignored because cmdline is set`);
  }
  const joined = [raw.root === undefined ? '' : `root=${raw.root}`, raw.extra ?? '']
    .filter((part) => part !== '')
    .join(' ');
  return {
    name: raw.name ?? nameFromPath(context.file),
    kernel,
    ramdisk: raw.ramdisk,
    commandLine: raw.cmdline ?? joined,
    memory: raw.memory ?? DEFAULT_MEMORY_MB,
    vcpus: raw.vcpus ?? 1,
    disks: raw.disks ?? [],
    vifs: raw.vifs ?? [],
    onPoweroff: raw.onPoweroff ?? 'destroy',
    onReboot: raw.onReboot ?? 'restart',
    onCrash: raw.onCrash ?? 'destroy',
    xenAbi: raw.xenAbi,
    uuid: raw.uuid,
  };
}

function nameFromPath(file: string): string {
  const base = file.split(/[\\/]/).at(-1) ?? file;
  return base.replace(/\.[^.]*$/, '') || 'domain';
}

function text(value: XlValue, context: Context): string {
  if (value.kind === 'string') return value.text;
  throw context.error(value.at, `must be a "string", not a ${value.kind}`);
}

/** A list of strings; a single string counts as a list of one, as xl takes it. */
function texts(value: XlValue, context: Context): string[] {
  return value.kind === 'list' ? value.items.map((item) => text(item, context)) : [text(value, context)];
}

/** Disks, each checked where it stands; no two of the same name. */
function diskTexts(value: XlValue, context: Context): string[] {
  const names = new Map<number, string>();
  return (value.kind === 'list' ? value.items : [value]).map((item) => {
    const given = text(item, context);
    // Behind the quotation mark.
    const at = { line: item.at.line, column: item.at.column + 1 };
    const { virtualDevice, vdev } = parseDiskConfig(given, { file: context.file, at });
    const other = names.get(virtualDevice);
    if (other !== undefined) throw context.error(item.at, `has two disks ${vdev}`);
    names.set(virtualDevice, vdev);
    return given;
  });
}

/** xl also takes a number in quotes. */
function number(value: XlValue, context: Context, least: number, most: number): number {
  const given =
    value.kind === 'number'
      ? value.value
      : value.kind === 'string' && /^[0-9]+$/.test(value.text)
        ? Number(value.text)
        : NaN;
  if (!Number.isSafeInteger(given)) throw context.error(value.at, 'must be a number');
  if (given < least || given > most) throw context.error(value.at, `must be from ${least} to ${most}, not ${given}`);
  return given;
}

function oneOf(value: XlValue, context: Context, allowed: readonly string[]): string {
  const given = text(value, context);
  if (allowed.includes(given)) return given;
  throw context.error(value.at, `must be ${allowed.map((word) => `"${word}"`).join(' or ')}, not "${given}"`);
}

const ACTIONS: readonly LifecycleAction[] = [
  'destroy',
  'restart',
  'rename-restart',
  'preserve',
  'coredump-destroy',
  'coredump-restart',
];

function action(value: XlValue, context: Context): LifecycleAction {
  return oneOf(value, context, ACTIONS) as LifecycleAction;
}

function xenAbi(value: XlValue, context: Context): XenAbi {
  const given = value.kind === 'number' ? value.text : text(value, context);
  if (given === '1.2' || given === '2.0' || given === '4') return given;
  throw context.error(value.at, `must be "1.2", "2.0" or "4", not "${given}"`);
}

function uuid(value: XlValue, context: Context): string {
  const given = text(value, context).toLowerCase();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(given)) return given;
  throw context.error(value.at, 'must look like 01234567-89ab-cdef-0123-456789abcdef');
}
