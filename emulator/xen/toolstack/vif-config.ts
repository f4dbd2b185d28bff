/** One network interface from xl.cfg's `vif`: "mac=00:16:3e:01:02:03,bridge=xenbr0" (xl-network-configuration(5)). */
import { isGroup, type MacAddress, parseMac } from '../../net/mac-address.ts';

export interface VifConfig {
  /** Undefined: to be made up. */
  readonly mac: MacAddress | undefined;
  readonly bridge: string;
  /** Name on the host's side. */
  readonly name: string | undefined;
  /** Number of the interface; undefined: the next free one. */
  readonly devid: number | undefined;
}

export interface ReadVif {
  readonly vif: VifConfig;
  /** "rate is ignored": what is known and has no meaning here. */
  readonly warnings: readonly string[];
}

/** xl.conf's vif.default.bridge. */
export const DEFAULT_BRIDGE = 'xenbr0';
const MAX_DEVID = 255;
/** IFNAMSIZ less its NUL. */
const MAX_NAME = 15;

/** Settings that only a real dom0 can carry out. */
const IGNORED: ReadonlySet<string> = new Set([
  ...['model', 'script', 'ip', 'backend', 'rate', 'gatewaydev', 'netdev', 'mtu', 'accel', 'trusted', 'forwarddev'],
]);

interface Draft {
  mac: MacAddress | undefined;
  bridge: string;
  name: string | undefined;
  devid: number | undefined;
}

/** What is wrong with it, in words that follow "vif", where it cannot be read. */
export function parseVif(text: string): ReadVif | string {
  const vif: Draft = { mac: undefined, bridge: DEFAULT_BRIDGE, name: undefined, devid: undefined };
  const warnings: string[] = [];
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const key = equals < 0 ? part : part.slice(0, equals).trim();
    const value = equals < 0 ? '' : part.slice(equals + 1).trim();
    if (IGNORED.has(key)) warnings.push(`${key} is ignored`);
    else {
      const problem = applySetting(vif, key, value);
      if (problem !== undefined) return problem;
    }
  }
  return { vif, warnings };
}

function applySetting(vif: Draft, key: string, value: string): string | undefined {
  switch (key) {
    case 'mac':
      vif.mac = parseMac(value);
      if (vif.mac === undefined) return `has mac=${value}, which is not like 00:16:3e:01:02:03`;
      return isGroup(vif.mac) ? `has mac=${value}, which is a multicast address` : undefined;
    case 'bridge':
      if (!isName(value)) return `has bridge=${value}, which is no name of an interface`;
      vif.bridge = value;
      return undefined;
    case 'vifname':
      if (!isName(value)) return `has vifname=${value}, which is no name of an interface`;
      vif.name = value;
      return undefined;
    case 'type':
      return value === 'vif' ? undefined : `has type=${value}; paravirtualised domains have "vif" only`;
    case 'devid':
      if (!/^\d{1,3}$/.test(value) || Number(value) > MAX_DEVID) return `has devid=${value}, not 0 to ${MAX_DEVID}`;
      vif.devid = Number(value);
      return undefined;
    default:
      return `has an unknown setting ${key}`;
  }
}

function isName(value: string): boolean {
  return value.length <= MAX_NAME && /^[A-Za-z0-9][\w.:-]*$/.test(value);
}
