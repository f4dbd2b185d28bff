import { describe, expect, it } from 'vitest';
import { parseDiskConfig } from '../../../../emulator/xen/toolstack/disk-config.ts';
import { virtualDeviceNumber } from '../../../../emulator/xen/toolstack/virtual-device.ts';

const parse = (text: string) => parseDiskConfig(text, { file: 'guest.cfg', at: { line: 4, column: 9 } });

function failure(text: string): { id: string; message: string; hint: string } {
  try {
    parse(text);
  } catch (error) {
    const { id, message, hint } = error as { id: string; message: string; hint: string };
    return { id, message, hint };
  }
  throw new Error(`${text} was accepted`);
}

/** Forms that xl-disk-configuration(5) lists as equivalent. */
describe('disk settings', () => {
  const volume = { target: '/dev/vg/guest-volume', vdev: 'hda', virtualDevice: 768, readOnly: false, discard: true };
  it.each([
    '/dev/vg/guest-volume,,hda',
    '/dev/vg/guest-volume,raw,hda,rw',
    'format=raw, vdev=hda, access=rw, target=/dev/vg/guest-volume',
    'raw:/dev/vg/guest-volume,hda,w',
    'phy:/dev/vg/guest-volume,hda,w',
    'tap:aio:/dev/vg/guest-volume,hda,w',
    'vdev=hda,/dev/vg/guest-volume,raw,rw',
    '/dev/vg/guest-volume,raw,hda:disk,backendtype=phy,direct-io-safe',
  ])('%s', (text) => expect(parse(text)).toEqual(volume));

  it('takes everything behind target=, commas and all', () => {
    expect(parse('vdev=xvdb,access=ro,no-discard,target=C:\\My, disks\\a=b.img ')).toEqual({
      target: 'C:\\My, disks\\a=b.img ',
      vdev: 'xvdb',
      virtualDevice: 51728,
      readOnly: true,
      discard: false,
    });
  });

  it('reads r and w, and an empty value as none', () => {
    expect(parse('x.img,,xvda,r').readOnly).toBe(true);
    expect(parse('format=,vdev=xvda,access=w,target=x.img').readOnly).toBe(false);
  });

  it.each([
    ['x.img,qcow2,xvda', '4:15', 'has format qcow2, and only raw', 'qemu-img convert -O raw'],
    ['qcow2:x.qcow2,xvda,w', '4:9', 'has format qcow2', 'qemu-img'],
    ['x.img,xvda,w', '4:15', 'has "xvda" where the format stands', 'vdev=xvda'],
    ['x.iso,raw,xvdc,cdrom', '4:24', 'is a cdrom', 'access=ro'],
    ['x.iso,raw,xvdc:cdrom,r', '4:19', 'is a cdrom', 'access=ro'],
    ['format=raw,vdev=xvdä,target=x', '4:20', 'has vdev "xvdä"', 'xvda'],
    ['format=raw,acess=rw,vdev=xvda,target=x', '4:20', 'unknown parameter acess; did you mean access?', ''],
    ['vdev=xvda,access=rx,target=x', '4:19', 'has access "rx"', ''],
    ['vdev=xvda,vdev=xvdb,target=x', '4:19', 'has vdev twice', ''],
    ['x.img,raw,xvda,rw,more', '4:27', 'has "more" after all', ''],
    ['vdev=xvda', '4:9', 'names no image', 'target=FILE'],
    ['target=x.img', '4:9', 'has no vdev', 'vdev=xvda'],
    ['nbd:1.2.3.4,xvda,w', '4:9', 'needs a script', ''],
    ['x.img,raw,xvda,rw,script=block-nbd', '4:27', 'has a script', ''],
    ['x.img,raw,xvda,rw,backend=storage', '4:27', 'domain "storage"', ''],
    ['', '4:9', 'names no image', ''],
  ])('refuses %s at %s', (text, place, problem, hint) => {
    const { id, message, hint: shown } = failure(text);
    expect(id).toBe('config.disk');
    expect(message).toContain(`guest.cfg:${place}: disk "${text}" `);
    expect(message).toContain(problem);
    expect(shown).toContain(hint);
  });
});

/** Numbers of xen-vbd-interface(7) and of libxl's own test of them. */
describe('virtual device numbers', () => {
  it.each([
    ['xvda', 51712],
    ['xvdb', 51728],
    ['xvda1', 51713],
    ['xvdp', 51952],
    ['xvdp15', 51967],
    ['xvdq', 268439552],
    ['xvda16', 268435472],
    ['xvdaa', 268442112],
    ['d0', 51712],
    ['d5p3', 51795],
    ['hda', 768],
    ['hdb', 832],
    ['hdc', 5632],
    ['hdd5', 5701],
    ['sda', 2048],
    ['sdb2', 2066],
    ['51712', 51712],
    ['0xca00', 51712],
  ])('%s is %d', (name, number) => expect(virtualDeviceNumber(name)).toBe(number));

  it.each([
    'xvd',
    'xvda0',
    'xvda01',
    'xvda256',
    'hde',
    'hda64',
    'sdq',
    'sda16',
    'vda',
    'xvda b',
    '4294967296',
    'd5p0',
    '',
  ])('"%s" is none', (name) => expect(virtualDeviceNumber(name)).toBeUndefined());
});
