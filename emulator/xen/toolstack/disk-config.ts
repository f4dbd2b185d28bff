/**
 * One disk of an xl configuration: xl-disk-configuration(5). Named parameters, flags and positional ones mix;
 * `target=` takes all that is left.
 *
 * NOT IMPLEMENTED: formats other than raw, cdrom, scripts, back ends in other domains, COLO: refused in words.
 */
import { nearestName } from '../../base/nearest-name.ts';
import { UserError } from '../../base/user-error.ts';
import { virtualDeviceNumber } from './virtual-device.ts';
import type { Position } from './xl-cfg.ts';

export interface DiskConfig {
  /** As written; a relative path is relative to the configuration file. */
  readonly target: string;
  /** "xvda". */
  readonly vdev: string;
  /** Its number: 51712. */
  readonly virtualDevice: number;
  readonly readOnly: boolean;
  readonly discard: boolean;
}

/** Where the text stands, for messages. */
export interface DiskSource {
  readonly file: string;
  /** Of the text's first character. */
  readonly at: Position;
}

interface Draft {
  target?: string;
  format?: string;
  vdev?: string;
  access?: string;
  devtype?: string;
  discard?: boolean;
}

type Positional = 'target' | 'format' | 'vdev' | 'access';
const POSITIONAL: readonly Positional[] = ['target', 'format', 'vdev', 'access'];

/** Prefixes of targets that xl strips, for configurations of xend's time. */
const IGNORED_PREFIXES: readonly string[] = ['tapdisk', 'tap2', 'tap', 'aio', 'ioemu', 'file', 'phy'];
const FORMATS: readonly string[] = ['raw', 'qcow', 'qcow2', 'vhd', 'qed'];
const SCRIPT_PREFIXES: readonly string[] = ['iscsi', 'nbd', 'enbd', 'drbd'];

type Setting = (draft: Draft, value: string, fail: (problem: string, hint?: string) => UserError) => void;

const SETTINGS: Readonly<Record<string, Setting>> = {
  target: (draft, value) => {
    draft.target = value;
  },
  format: (draft, value, fail) => {
    if (value === 'raw') draft.format = value;
    else if (FORMATS.includes(value)) {
      const hint = `Convert the image: qemu-img convert -O raw IMAGE.${value} IMAGE.img`;
      throw fail(`has format ${value}, and only raw images can be used`, hint);
    } else {
      const hint = virtualDeviceNumber(value) === undefined ? '' : `Write vdev=${value}, or target,raw,${value}.`;
      throw fail(`has "${value}" where the format stands; only "raw" can be used`, hint);
    }
  },
  vdev: (draft, value, fail) => {
    if (virtualDeviceNumber(value) === undefined) {
      throw fail(`has vdev "${value}", which is no disk's name`, 'Names are like xvda, xvdb, sda, hda.');
    }
    draft.vdev = value;
  },
  access: (draft, value, fail) => {
    if (!['ro', 'r', 'rw', 'w'].includes(value)) throw fail(`has access "${value}"; it is ro, r, rw or w`);
    draft.access = value;
  },
  devtype: (draft, value, fail) => {
    if (value === 'cdrom') {
      throw fail('is a cdrom, which cannot be offered yet', 'Offer the image as a disk with access=ro.');
    }
    if (value !== 'disk') throw fail(`has devtype "${value}"; it is disk`);
    draft.devtype = value;
  },
  backend: (_draft, value, fail) => {
    if (value !== '0' && value !== 'Domain-0')
      throw fail(`has its back end in domain "${value}"; only this host has one`);
  },
  backendtype: (_draft, value, fail) => {
    if (!['phy', 'tap', 'qdisk'].includes(value)) throw fail(`has backendtype "${value}"; it is phy, tap or qdisk`);
  },
  script: (_draft, _value, fail) => {
    throw fail('has a script, and scripts are not run');
  },
};

const FLAGS: Readonly<Record<string, Setting>> = {
  cdrom: (draft, _value, fail) => SETTINGS.devtype?.(draft, 'cdrom', fail),
  discard: (draft) => {
    draft.discard = true;
  },
  'no-discard': (draft) => {
    draft.discard = false;
  },
  'direct-io-safe': () => {},
};

/** @throws UserError `config.disk` */
export function parseDiskConfig(text: string, { file, at }: DiskSource): DiskConfig {
  const draft: Draft = {};
  const given = new Set<string>();
  const failAt = (offset: number) => (problem: string, hint?: string) =>
    new UserError(
      'config.disk',
      `${file}:${at.line}:${at.column + offset}: disk "${text}" ${problem}.`,
      hint || 'See xl-disk-configuration(5): format=raw,vdev=xvda,access=rw,target=x.img',
    );
  const apply = (name: string, value: string, offset: number): void => {
    const fail = failAt(offset);
    const setting = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
    if (setting === undefined) {
      const near = nearestName(name, Object.keys(SETTINGS));
      throw fail(`has an unknown parameter ${name}${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
    if (given.has(name)) throw fail(`has ${name} twice`);
    // An empty value counts as none.
    if (value === '') return;
    given.add(name);
    setting(draft, value, fail);
  };
  let position = 0;
  for (let offset = 0; offset < text.length; ) {
    offset += /^\s*/.exec(text.slice(offset))?.[0].length ?? 0;
    const rest = text.slice(offset);
    if (rest.startsWith('target=')) {
      apply('target', rest.slice('target='.length), offset + 'target='.length);
      break;
    }
    const comma = rest.indexOf(',');
    const word = comma < 0 ? rest : rest.slice(0, comma);
    const named = /^([A-Za-z][\w-]*)=(.*)$/.exec(word);
    if (named !== null) apply(named[1] as string, (named[2] as string).trimEnd(), offset);
    else if (Object.hasOwn(FLAGS, word.trimEnd())) FLAGS[word.trimEnd()]?.(draft, '', failAt(offset));
    else {
      while (position < POSITIONAL.length && given.has(POSITIONAL[position] as string)) position++;
      const name = POSITIONAL[position];
      if (name === undefined) throw failAt(offset)(`has "${word}" after all that it can have`);
      position = applyPositional(name, word.trimEnd(), offset, position, apply, failAt);
    }
    offset += word.length + 1;
  }
  const fail = failAt(0);
  if (draft.target === undefined) throw fail('names no image', 'Add target=FILE.');
  if (draft.vdev === undefined) throw fail('has no vdev: the name under which the guest sees it', 'Add vdev=xvda.');
  return {
    target: draft.target,
    vdev: draft.vdev,
    virtualDevice: virtualDeviceNumber(draft.vdev) as number,
    readOnly: draft.access === 'ro' || draft.access === 'r',
    discard: draft.discard ?? true,
  };
}

/** Answers the position of the next one. */
function applyPositional(
  name: Positional,
  word: string,
  offset: number,
  position: number,
  apply: (name: string, value: string, offset: number) => void,
  failAt: (offset: number) => (problem: string) => UserError,
): number {
  if (name === 'target') {
    const { target, format, prefixed } = withoutPrefixes(word, failAt(offset));
    apply('target', target, offset + word.length - target.length);
    if (format !== undefined) apply('format', format, offset);
    // The old syntax, which the prefixes mark, has no place for the format.
    return prefixed ? 2 : 1;
  }
  const [device, devtype] = name === 'vdev' ? word.split(':') : [word];
  apply(name, device as string, offset);
  if (devtype !== undefined) apply('devtype', devtype, offset);
  return position + 1;
}

function withoutPrefixes(
  word: string,
  fail: (problem: string) => UserError,
): { target: string; format: string | undefined; prefixed: boolean } {
  let target = word;
  let format: string | undefined;
  for (;;) {
    const prefix = /^([a-z0-9]+):/.exec(target)?.[1] ?? '';
    if (SCRIPT_PREFIXES.includes(prefix))
      throw fail(`starts with ${prefix}:, which needs a script, and scripts are not run`);
    if (FORMATS.includes(prefix)) format = prefix;
    else if (!IGNORED_PREFIXES.includes(prefix)) return { target, format, prefixed: target !== word };
    target = target.slice(prefix.length + 1);
  }
}
