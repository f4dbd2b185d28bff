import { describe, expect, test } from 'vitest';
import { UserError } from '../../../../emulator/base/user-error.ts';
import { domainConfigFromKeys, readDomainConfig } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { parseXlConfig } from '../../../../emulator/xen/toolstack/xl-cfg.ts';

const read = (source: string) => readDomainConfig(source, 'guest.cfg');

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return `${error.id}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

describe('syntax', () => {
  test('what xl.cfg allows', () => {
    const source = `
# a comment
name = "demo" ; memory = 0x40   # hexadecimal
vcpus=1
extra = 'console=hvc0 "quoted"'
disk = [ 'phy:/dev/vg/a,xvda,w',
         "file:b.img,xvdb,r",   # a comment inside
       ]
vif = [ ]
cpus = [ [ 1, 2 ], 3 ]
extra += " debug"
disk += [ 'c' ]
text = "tab\\there \\x41"`;
    const values = new Map(parseXlConfig(source, 'x').map(({ key, value }) => [key, value]));
    expect(values.get('name')).toMatchObject({ text: 'demo', at: { line: 3, column: 8 } });
    expect(values.get('memory')).toMatchObject({ value: 64 });
    expect(values.get('extra')).toMatchObject({ text: 'console=hvc0 "quoted" debug' });
    expect(values.get('disk')).toMatchObject({ items: [{}, { text: 'file:b.img,xvdb,r' }, { text: 'c' }] });
    expect(values.get('vif')).toMatchObject({ items: [] });
    expect(values.get('cpus')).toMatchObject({ items: [{ items: [{ value: 1 }, { value: 2 }] }, { value: 3 }] });
    expect(values.get('text')).toMatchObject({ text: 'tab\there A' });
  });

  test.each([
    ['name "x"', 'guest.cfg:1:6: expected "=" after name, found "x".'],
    ['\n  name = ', 'guest.cfg:2:10: expected a "string", a number or a [list], found the end of the file.'],
    ['name = "x', 'guest.cfg:1:8: this string has no closing ".'],
    ['name = x', 'guest.cfg:1:8: expected a "string", a number or a [list], found x.'],
    ['disk = [ "a" "b" ]', 'guest.cfg:1:14: expected "," or "]" in a list, found "b".'],
    ['memory = 64 MB', 'guest.cfg:1:13: expected the end of the line, found MB.'],
    ['memory = 64MB', 'guest.cfg:1:10: unexpected "64MB".'],
    ['memory = 99999999999999999999', 'guest.cfg:1:10: the number 99999999999999999999 is too large.'],
    ['a = "\\q"', 'guest.cfg:1:7: unknown escape \\q.'],
    ['a = [1]\na += 2\na = "x"\na += 2', 'guest.cfg:4:6: cannot append a number to a string.'],
    [`a = ${'['.repeat(40)}`, 'guest.cfg:1:21: lists are nested too deeply.'],
    ['{', 'guest.cfg:1:1: unexpected "{".'],
  ])('%s', (source, message) => {
    expect(messageOf(() => read(source))).toBe(`config.syntax: ${message}`);
  });
});

describe('settings', () => {
  test('defaults', () => {
    expect(read('kernel = "k"')).toEqual({
      config: {
        name: 'guest',
        kernel: 'k',
        ramdisk: undefined,
        commandLine: '',
        memory: 128,
        vcpus: 1,
        disks: [],
        vifs: [],
        onPoweroff: 'destroy',
        onReboot: 'restart',
        onCrash: 'destroy',
        xenAbi: undefined,
        uuid: undefined,
      },
      warnings: [],
    });
  });

  test('root and extra make the command line as xl joins them; cmdline wins', () => {
    expect(read('kernel="k"\nroot="/dev/xvda1"\nextra="ro quiet"').config.commandLine).toBe('root=/dev/xvda1 ro quiet');
    const both = read('kernel="k"\nextra="a"\ncmdline="b"');
    expect(both.config.commandLine).toBe('b');
    expect(both.warnings).toEqual(['guest.cfg: root and extra are ignored because cmdline is set']);
  });

  test('unknown settings warn', () => {
    const { warnings } = read('kernel="k"\nfrobnicate=1\ncpus="0"');
    expect(warnings).toEqual(['guest.cfg:2: unknown setting frobnicate is ignored']);
  });

  test('disks are checked where they stand, and none may be there twice', () => {
    const disks = "disk = [ 'a.img,,xvda',\n         'b.img,,51712,w' ]";
    expect(() => read(`kernel="k"\n${disks}`)).toThrow('guest.cfg:3:10: disk has two disks 51712.');
    expect(() => read(`kernel="k"\n${disks.replace('51712', 'vda')}`)).toThrow(
      'guest.cfg:3:18: disk "b.img,,vda,w" has',
    );
    expect(read(`kernel="k"\n${disks.replace('51712', 'xvdb')}`).config.disks).toEqual([
      'a.img,,xvda',
      'b.img,,xvdb,w',
    ]);
  });

  test.each([
    ['memory = "lots"', 'guest.cfg:1:10: memory must be a number.'],
    ['memory = 1', 'guest.cfg:1:10: memory must be from 4 to 3072, not 1.'],
    ['name = 5', 'guest.cfg:1:8: name must be a "string", not a number.'],
    ['type = "hvm"', 'guest.cfg:1:8: type must be "pv", not "hvm".'],
    ['xen_abi = "3"', 'guest.cfg:1:11: xen_abi must be "1.2", "2.0" or "4", not "3".'],
    ['on_crash = "explode"', /on_crash must be "destroy" or .*not "explode"/],
    ['uuid = "1234"', /uuid must look like/],
  ])('%s', (source, message) => {
    const result = messageOf(() => read(`${source}\nkernel="k"`)).replace('config.value: ', '');
    if (typeof message === 'string') expect(result).toBe(message);
    else expect(result).toMatch(message);
  });

  test('no kernel', () => {
    expect(messageOf(() => read('name="x"'))).toBe('config.no-kernel: guest.cfg names no kernel.');
  });

  test('the same settings spelt out', () => {
    const { config } = domainConfigFromKeys({ kernel: '/boot/vmlinuz-6.1', cmdline: 'x', memory: 64, disks: [] });
    expect(config).toMatchObject({ name: 'vmlinuz-6', commandLine: 'x', memory: 64 });
  });
});
