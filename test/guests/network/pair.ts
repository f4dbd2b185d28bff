/** Two Debian domains on one switch: the client pings the server, then sends it data over TCP; both say its MD5. */
import { createHash } from 'node:crypto';
import { busyboxInitramfs, debianCloudKernel, debianCloudModule } from '../../support/guests.ts';
import { configFile } from '../xenoscope.ts';

export const SERVER = { name: 'server', address: '10.0.0.1', mac: '00:16:3e:00:00:01' } as const;
export const CLIENT = { name: 'client', address: '10.0.0.2', mac: '00:16:3e:00:00:02' } as const;
export const PORT = 5000;
const MEGABYTE = 1 << 20;

export interface Pair {
  readonly files: readonly [server: string, client: string];
  /** Bytes that the client sends, and their MD5. */
  readonly length: number;
  readonly md5: string;
}

/** `megabytes` pieces of the same random megabyte, each with its number before it. */
export function networkPair(megabytes: number): Pair {
  const blob = randomMegabyte();
  const hash = createHash('md5');
  let length = 0;
  for (let index = 0; index < megabytes; index++) {
    const head = `${index}\n`;
    hash.update(head).update(blob);
    length += head.length + MEGABYTE;
  }
  const pieces = `i=0; while [ $i -lt ${megabytes} ]; do echo $i; cat /blob; i=$((i+1)); done`;
  const server = [
    ...interfaceUp(SERVER.address),
    `nc -l -p ${PORT} | md5sum`,
    'echo TX-DONE',
    'sleep 0.5',
    'poweroff -f',
  ];
  const client = [
    ...interfaceUp(CLIENT.address),
    `until ping -c 1 -W 1 ${SERVER.address} >/dev/null; do sleep 0.1; done`,
    `ping -c 3 -i 0.2 ${SERVER.address}`,
    'sleep 0.5',
    `(${pieces}) | nc ${SERVER.address} ${PORT}`,
    'ifconfig eth0',
    'poweroff -f',
  ];
  const module = { name: 'xen-netfront.ko', mode: 0o100644, contents: debianCloudModule('xen-netfront.ko') };
  const file = { name: 'blob', mode: 0o100644, contents: blob };
  return {
    files: [
      config(SERVER, busyboxInitramfs({ commands: server, files: [module] })),
      config(CLIENT, busyboxInitramfs({ commands: client, files: [module, file] })),
    ],
    length,
    md5: hash.digest('hex'),
  };
}

function interfaceUp(address: string): readonly string[] {
  return [
    'insmod /xen-netfront.ko',
    'until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done',
    `ifconfig eth0 ${address} netmask 255.255.255.0 up`,
  ];
}

function config({ name, mac }: { readonly name: string; readonly mac: string }, ramdisk: string): string {
  return configFile({
    name,
    kernel: debianCloudKernel(),
    ramdisk,
    memory: 192,
    extra: 'console=hvc0 quiet',
    vif: [`mac=${mac},bridge=xenbr0`],
  });
}

/** Marsaglia's xorshift: the same bytes everywhere, and no two stretches alike. */
function randomMegabyte(): Uint8Array {
  const bytes = new Uint8Array(MEGABYTE);
  let state = 0x2545f491;
  for (let index = 0; index < MEGABYTE; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state >>> 24;
  }
  return bytes;
}
